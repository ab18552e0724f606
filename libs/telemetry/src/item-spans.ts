// The items of a long stream in its trace: the first of them and a share of the others have spans of their own, so that a stream of a
// million comparisons does not have a million spans. Below an item that was not chosen nothing is recorded, here and in whatever it calls;
// its log lines still carry the trace's id.
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
  readonly #parent: Context;
  readonly #stream: Span | undefined;
  readonly #share: number;
  readonly #open = new Map<string, Span>();
  #items = 0;
  #spans = 0;

  constructor(name: string, parent = context.active()) {
    this.#name = name;
    this.#parent = parent;
    const stream = trace.getSpan(parent);
    this.#stream = stream?.isRecording() === true ? stream : undefined;
    this.#share = share();
  }

  /** An item has arrived. `id` is its name in the stream, unique among those that are open. */
  start(id: string, item: object, attributes: Attributes = {}): void {
    if (this.#stream === undefined) return;
    const index = this.#items++;
    if (!this.#chosen(index)) return;
    this.#spans += 1;
    const own = { 'overtone.item.id': id, 'overtone.item.index': index, ...attributes };
    const span = tracer('overtone').startSpan(this.#name, { attributes: own }, this.#parent);
    this.#open.set(id, span);
    places.set(item, trace.setSpan(this.#parent, span));
  }

  /** An item is done. */
  end(id: string, attributes: Attributes = {}): void {
    const span = this.#open.get(id);
    if (span === undefined) return;
    this.#open.delete(id);
    span.setAttributes(attributes).end();
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

  /** The stream has ended: with `error`, what is still open has failed. Says of the stream how many items there were. */
  close(error?: unknown): void {
    for (const span of this.#open.values()) {
      if (error !== undefined) failSpan(span, error);
      span.end();
    }
    this.#open.clear();
    this.#stream?.setAttributes({
      'overtone.stream.items': this.#items,
      'overtone.stream.items_traced': this.#spans,
    });
  }

  #chosen(index: number): boolean {
    const share = this.#share;
    if (share <= 0 || this.#spans >= MOST) return false;
    // Evenly spread and the same every time.
    return index < FIRST || Math.floor((index + 1) * share) > Math.floor(index * share);
  }
}

/** The share of items that have spans. */
function share(): number {
  const configured = Number(process.env.OVERTONE_TRACE_ITEMS ?? DEFAULT_SHARE);
  return Number.isFinite(configured) ? Math.min(1, Math.max(0, configured)) : DEFAULT_SHARE;
}
