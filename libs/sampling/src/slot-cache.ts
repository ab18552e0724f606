// Keys and values of all slots of a batch. Programs read the buffers in place; each step's new rows are written here.
import { cacheName } from './decode-program.ts';
import { HIDDEN, type DecoderConfig } from '@overtone/language-model';
import { float32, hostTensor, type HostTensor } from '@overtone/tensor';

/** A cache of `batch` slots with `capacity` positions each. */
export class SlotCache {
  readonly batch: number;
  readonly capacity: number;
  private readonly config: DecoderConfig;
  private readonly bias: Float32Array;
  private readonly buffers = new Map<string, Float32Array>();
  /** What a program is fed. */
  readonly feeds: Readonly<Record<string, HostTensor>>;

  constructor(config: DecoderConfig, batch: number, capacity: number) {
    this.config = config;
    this.batch = batch;
    this.capacity = capacity;
    this.bias = new Float32Array(batch * capacity).fill(HIDDEN);
    const shape = [batch, config.numKeyValueHeads, capacity, config.headDim];
    const feeds: Record<string, HostTensor> = {
      cache_bias: hostTensor({ dtype: 'float32', shape: [batch, 1, 1, capacity] }, this.bias),
    };
    for (let layer = 0; layer < config.numHiddenLayers; layer++) {
      for (const kind of ['keys', 'values'] as const) {
        const buffer = new Float32Array(batch * config.numKeyValueHeads * capacity * config.headDim);
        this.buffers.set(cacheName(kind, layer), buffer);
        feeds[cacheName(kind, layer)] = hostTensor({ dtype: 'float32', shape }, buffer);
      }
    }
    this.feeds = feeds;
  }

  /** Forgets a slot's positions. */
  clear(slot: number): void {
    this.bias.fill(HIDDEN, slot * this.capacity, (slot + 1) * this.capacity);
  }

  /**
   * Copies new rows of a program's output into a slot.
   *
   * @param outputs A program's outputs, with `length` new positions a sequence.
   * @param sequence The sequence in those outputs.
   * @param start The first position in the slot.
   * @param count Positions to copy.
   */
  write(
    outputs: Readonly<Record<string, HostTensor>>,
    sequence: number,
    length: number,
    slot: number,
    start: number,
    count: number,
  ): void {
    const { numKeyValueHeads: heads, headDim } = this.config;
    for (const [name, buffer] of this.buffers) {
      const output = outputs[`new.${name}`];
      if (!output) throw new Error(`The program returned no new.${name}`);
      const rows = float32(output);
      for (let head = 0; head < heads; head++) {
        const from = (sequence * heads + head) * length * headDim;
        buffer.set(
          rows.subarray(from, from + count * headDim),
          ((slot * heads + head) * this.capacity + start) * headDim,
        );
      }
    }
    this.bias.fill(0, slot * this.capacity + start, slot * this.capacity + start + count);
  }

  /** Copies `count` positions of a slot of another cache into a slot of this one. */
  adopt(other: SlotCache, from: number, to: number, count: number): void {
    const { numKeyValueHeads: heads, headDim } = this.config;
    for (const [name, buffer] of this.buffers) {
      const source = other.buffers.get(name) ?? buffer;
      for (let head = 0; head < heads; head++) {
        const start = (from * heads + head) * other.capacity * headDim;
        buffer.set(
          source.subarray(start, start + count * headDim),
          (to * heads + head) * this.capacity * headDim,
        );
      }
    }
    this.clear(to);
    this.bias.fill(0, to * this.capacity, to * this.capacity + count);
  }
}
