// The items of a long stream: how many are open, as a queue's depth, and their trace. The first of them and a share of the others have
// spans of their own, so that a stream of a million comparisons does not have a million spans. Below an item that was not chosen nothing is
// recorded, here and in whatever it calls; its log lines still carry the trace's id.
//
//   OVERTONE_TRACE_ITEMS=0.01   share of the items with spans, beyond the first 32 of a stream; 0: none at all, 1: all
import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Span,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import { countUpDown } from './metric.ts';
import { failSpan, tracer } from './span.ts';

const FIRST = 32;
const DEFAULT_SHARE = 0.01;
/** Spans of one stream at most, and links of one batch. */
const MOST = 512;
const MOST_LINKS = 64;

/** Where the work on an item belongs, by the item itself: whoever works on it need not know of the stream. */
const places = new WeakMap<object, Context>();

/** Runs the work on an item below its span; of an item without one nothing is recorded. */
export function inItem<Result>(item: object, work: () => Result): Result {
  return context.with(places.get(item) ?? unrecorded(context.active()), work);
}

/** A context in which nothing is recorded, here and by whoever is called; log lines still have the trace's id. */
function unrecorded(within: Context): Context {
  const span = trace.getSpan(within);
  if (span?.isRecording() !== true) return within;
  const nothing = trace.wrapSpanContext({ ...span.spanContext(), traceFlags: TraceFlags.NONE });
  return trace.setSpan(within, nothing);
}

/** The items of one stream; spans are children of the span that was active when it began. */
export class ItemSpans {
  readonly #name: string;
  readonly #queue: Attributes;
  readonly #parent: Context;
  readonly #stream: Span | undefined;
  readonly #share: number;
  /** By id, with a span where there is one. */
  readonly #open = new Map<string, Span | undefined>();
  #items = 0;
  #spans = 0;

  /** @param name of the spans. @param queue whose depth grows by the items that are open. */
  constructor(name: string, queue: string) {
    this.#name = name;
    this.#queue = { 'overtone.queue.name': queue };
    this.#parent = context.active();
    const stream = trace.getSpan(this.#parent);
    this.#stream = stream?.isRecording() === true ? stream : undefined;
    this.#share = share();
  }

  /** Whether an item of this name is open. */
  has(id: string): boolean {
    return this.#open.has(id);
  }

  /** An item has arrived. `id` is its name in the stream, unique among those that are open. */
  start(id: string, item: object): void {
    const index = this.#items++;
    const span = this.#chosen(index) ? this.#startSpan(id, index) : undefined;
    if (span !== undefined) places.set(item, trace.setSpan(this.#parent, span));
    this.#open.set(id, span);
    countUpDown('overtone.queue.depth', 1, this.#queue);
  }

  /** An item is done. */
  end(id: string, attributes: Attributes = {}): void {
    const span = this.#open.get(id);
    if (!this.#open.delete(id)) return;
    countUpDown('overtone.queue.depth', -1, this.#queue);
    span?.setAttributes(attributes).end();
  }

  /** Links from a batch to those of its items that have spans. */
  links(ids: Iterable<string>): Link[] {
    const links: Link[] = [];
    for (const id of ids) {
      const span = this.#open.get(id);
      if (span !== undefined && links.length < MOST_LINKS) links.push({ context: span.spanContext() });
    }
    return links;
  }

  /**
   * The answers to the stream; when they end, so does the stream: with an error, what is still open has failed. Says of it how many
   * items there were.
   */
  async *until<Answer>(answers: AsyncIterable<Answer>): AsyncGenerator<Answer> {
    let failure: { readonly error: unknown } | undefined;
    try {
      yield* answers;
    } catch (error) {
      failure = { error };
      throw error;
    } finally {
      this.#close(failure);
    }
  }

  #close(failure: { readonly error: unknown } | undefined): void {
    countUpDown('overtone.queue.depth', -this.#open.size, this.#queue);
    for (const span of this.#open.values()) {
      if (failure !== undefined && span !== undefined) failSpan(span, failure.error);
      span?.end();
    }
    this.#open.clear();
    this.#stream?.setAttributes({
      'overtone.stream.items': this.#items,
      'overtone.stream.items_traced': this.#spans,
    });
  }

  #startSpan(id: string, index: number): Span {
    this.#spans += 1;
    const attributes = { 'overtone.item.id': id, 'overtone.item.index': index };
    return tracer('overtone').startSpan(this.#name, { attributes }, this.#parent);
  }

  #chosen(index: number): boolean {
    const share = this.#share;
    if (this.#stream === undefined || share <= 0 || this.#spans >= MOST) return false;
    // Evenly spread and the same every time.
    return index < FIRST || Math.floor((index + 1) * share) > Math.floor(index * share);
  }
}

/** The share of items that have spans. */
function share(): number {
  const configured = Number(process.env.OVERTONE_TRACE_ITEMS ?? DEFAULT_SHARE);
  return Number.isFinite(configured) ? Math.min(1, Math.max(0, configured)) : DEFAULT_SHARE;
}
