// Work that comes in many small pieces, such as steps of decoding or of training, as few spans: pieces of a name that follow each other
// are one span, which says how many they were and for how long they computed. A span covers a sixteenth of the time that has passed, half
// a second at least, so that work of any length has some hundred spans at most, and what was first is seen best.
import { type Context, context, trace } from '@opentelemetry/api';
import { tracer } from './span.ts';

/** A piece of work that has been done, or several in a row. */
export interface Piece {
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  /** How many pieces these are. Default 1. */
  readonly pieces?: number;
  /** Milliseconds of them in which something was computed. Default all. */
  readonly busy?: number;
  /** What they came to, by attribute; summed over pieces. */
  readonly sums?: Readonly<Record<string, number>>;
}

interface Window {
  start: number;
  end: number;
  pieces: number;
  busy: number;
  readonly sums: Record<string, number>;
}

const SHORTEST_MS = 500;
const SHARE = 16;

/** The spans of a stretch of work, below what was the active span when it began. */
export class WorkSpans {
  readonly #parent: Context;
  readonly #recording: boolean;
  readonly #attributes: Readonly<Record<string, string | number>>;
  readonly #open = new Map<string, Window>();
  #began = Infinity;

  /** @param attributes What all spans have. */
  constructor(attributes: Readonly<Record<string, string | number>> = {}, parent = context.active()) {
    this.#parent = parent;
    this.#attributes = attributes;
    this.#recording = trace.getSpan(parent)?.isRecording() ?? false;
  }

  /** Hears of work. Costs nothing where nothing is recorded. */
  add(name: string, { start, end, pieces = 1, busy = end - start, sums = {} }: Piece): void {
    if (!this.#recording) return;
    this.#began = Math.min(this.#began, start);
    let window = this.#open.get(name);
    if (window === undefined) {
      window = { start, end, pieces: 0, busy: 0, sums: {} };
      this.#open.set(name, window);
    }
    window.start = Math.min(window.start, start);
    window.end = Math.max(window.end, end);
    window.pieces += pieces;
    window.busy += busy;
    for (const [key, value] of Object.entries(sums)) window.sums[key] = (window.sums[key] ?? 0) + value;
    const longEnough = Math.max(SHORTEST_MS, (window.end - this.#began) / SHARE);
    if (window.end - window.start >= longEnough) this.#finish(name, window);
  }

  /** Ends what is open. */
  close(): void {
    for (const [name, window] of this.#open) this.#finish(name, window);
  }

  #finish(name: string, { start, end, pieces, busy, sums }: Window): void {
    this.#open.delete(name);
    const attributes = {
      ...this.#attributes,
      ...sums,
      'overtone.work.pieces': pieces,
      'overtone.work.busy': busy / 1000,
    };
    tracer('overtone').startSpan(name, { startTime: start, attributes }, this.#parent).end(end);
  }
}
