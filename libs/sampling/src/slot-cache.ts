// Keys and values of earlier tokens, for a batch of slots. Memory is taken once; batch and capacity grow and shrink within it.
import { HIDDEN, type DecoderConfig } from '@overtone/language-model';
import { float32, hostTensor, type HostTensor, type TensorSpec } from '@overtone/tensor';

/** Name of a layer's cached or new keys or values. */
export const cacheName = (kind: 'keys' | 'values', layer: number): string => `${kind}.${layer}`;

/** Names of all of a model's keys and values. */
export function cacheNames({ numHiddenLayers }: DecoderConfig): string[] {
  return Array.from({ length: numHiddenLayers }, (_, layer) => [
    cacheName('keys', layer),
    cacheName('values', layer),
  ]).flat();
}

/** Bytes that one position of one sequence takes. */
export function bytesPerPosition(config: DecoderConfig): number {
  return (
    2 * config.numHiddenLayers * config.numKeyValueHeads * config.headDim * Float32Array.BYTES_PER_ELEMENT
  );
}

/** Inputs of a program that reads a cache. */
export function cacheSpecs(
  config: DecoderConfig,
  batch: number,
  capacity: number,
): Record<string, TensorSpec> {
  const rows: TensorSpec = {
    dtype: 'float32',
    shape: [batch, config.numKeyValueHeads, capacity, config.headDim],
  };
  return {
    cache_bias: { dtype: 'float32', shape: [batch, 1, 1, capacity] },
    ...Object.fromEntries(cacheNames(config).map((name) => [name, rows])),
  };
}

const SMALLEST_CAPACITY = 64;

/** The capacity for a number of positions: powers of two and the numbers halfway between, so that few programs serve all lengths. */
export function capacityFor(positions: number): number {
  const power = 2 ** Math.ceil(Math.log2(Math.max(positions, SMALLEST_CAPACITY)));
  return positions <= 0.75 * power && power > SMALLEST_CAPACITY ? 0.75 * power : power;
}

/** Keys and values of consecutive tokens of one sequence. */
export interface Segment {
  readonly positions: number;
  /** By name, [kvHeads, positions, headDim]. */
  readonly rows: ReadonlyMap<string, Float32Array>;
}

/** Copies the first `count` new positions of a sequence out of a program's outputs of `length` new positions. */
export function segmentOf(
  config: DecoderConfig,
  outputs: Readonly<Record<string, HostTensor>>,
  sequence: number,
  length: number,
  count: number,
): Segment {
  const { numKeyValueHeads: heads, headDim } = config;
  const rows = new Map<string, Float32Array>();
  for (const name of cacheNames(config)) {
    const from = newRows(outputs, name);
    const copy = new Float32Array(heads * count * headDim);
    for (let head = 0; head < heads; head++) {
      const start = (sequence * heads + head) * length * headDim;
      copy.set(from.subarray(start, start + count * headDim), head * count * headDim);
    }
    rows.set(name, copy);
  }
  return { positions: count, rows };
}

function newRows(outputs: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const output = outputs[`new.${name}`];
  if (!output) throw new Error(`The program returned no new.${name}`);
  return float32(output);
}

/** What a step is fed of a cache, and where the cache that it returns is written: over the old one. */
export interface CacheTensors {
  readonly feeds: Readonly<Record<string, HostTensor>>;
  readonly into: Readonly<Record<string, HostTensor>>;
}

/** A cache of `batch` slots with `capacity` positions each. */
export class SlotCache {
  private readonly config: DecoderConfig;
  private readonly names: readonly string[];
  private readonly buffers: ReadonlyMap<string, Float32Array>;
  private readonly bias: Float32Array;
  private slots: number;
  private positions: number;
  private fed: Readonly<Record<string, HostTensor>> | undefined;
  private bound: CacheTensors | undefined;

  /** Takes memory for `slots` slots of `limit` positions, and starts with a capacity of `capacity`. */
  constructor(config: DecoderConfig, slots: number, limit: number, capacity = limit) {
    this.config = config;
    this.slots = slots;
    this.positions = capacity;
    this.names = cacheNames(config);
    this.bias = new Float32Array(slots * limit).fill(HIDDEN);
    const size = slots * config.numKeyValueHeads * limit * config.headDim;
    this.buffers = new Map(this.names.map((name) => [name, new Float32Array(size)]));
  }

  /** Slots. */
  get batch(): number {
    return this.slots;
  }

  /** Positions of each slot. */
  get capacity(): number {
    return this.positions;
  }

  /** What a program is fed. */
  get feeds(): Readonly<Record<string, HostTensor>> {
    this.fed ??= Object.fromEntries(
      Object.entries(cacheSpecs(this.config, this.slots, this.positions)).map(([name, spec]) => {
        const buffer = this.buffers.get(name) ?? this.bias;
        return [
          name,
          hostTensor(
            spec,
            buffer.subarray(
              0,
              spec.shape.reduce((size, n) => size * n, 1),
            ),
          ),
        ];
      }),
    );
    return this.fed;
  }

  /** For a step that puts new keys and values into the cache itself. */
  get inPlace(): CacheTensors {
    const { cache_bias: _, ...feeds } = this.feeds;
    this.bound ??= {
      feeds,
      into: Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [`new.${name}`, tensor])),
    };
    return this.bound;
  }

  /** Forgets a slot's positions. */
  clear(slot: number): void {
    this.bias.fill(HIDDEN, slot * this.positions, (slot + 1) * this.positions);
  }

  /** Copies the new position of a program's output of one new token a sequence to the end of a slot that holds `start` positions. */
  append(outputs: Readonly<Record<string, HostTensor>>, slot: number, start: number): void {
    const { numKeyValueHeads: heads, headDim } = this.config;
    for (const [name, buffer] of this.buffers) {
      const rows = newRows(outputs, name);
      for (let head = slot * heads; head < (slot + 1) * heads; head++) {
        const target = (head * this.positions + start) * headDim;
        for (let i = 0; i < headDim; i++) buffer[target + i] = rows[head * headDim + i] ?? 0;
      }
    }
    this.bias[slot * this.positions + start] = 0;
  }

  /** Copies a segment into a slot, from position `start`. */
  write({ positions: count, rows }: Segment, slot: number, start: number): void {
    const { numKeyValueHeads: heads, headDim } = this.config;
    for (const [name, buffer] of this.buffers) {
      const from = rows.get(name);
      if (!from) throw new Error(`The segment has no ${name}`);
      for (let head = 0; head < heads; head++) {
        buffer.set(
          from.subarray(head * count * headDim, (head + 1) * count * headDim),
          ((slot * heads + head) * this.positions + start) * headDim,
        );
      }
    }
    const first = slot * this.positions + start;
    this.bias.fill(0, first, first + count);
  }

  /** Raises the capacity, with what every slot holds. `lengths`: positions of each slot. */
  grow(capacity: number, lengths: readonly number[]): void {
    const before = this.positions;
    const { headDim, numKeyValueHeads: heads } = this.config;
    for (const buffer of this.buffers.values()) {
      // From the end: rows move towards it, and must not run over others that have yet to move.
      for (let head = this.slots * heads - 1; head > 0; head--) {
        const count = lengths[Math.floor(head / heads)] ?? 0;
        const start = head * before * headDim;
        buffer.copyWithin(head * capacity * headDim, start, start + count * headDim);
      }
    }
    this.reshape(this.slots, capacity, lengths);
  }

  /** Shrinks the batch to the given slots, in their order; they must rise. `lengths`: positions of each of them. */
  keep(slots: readonly number[], batch: number, lengths: readonly number[]): void {
    const { headDim, numKeyValueHeads: heads } = this.config;
    const size = heads * this.positions * headDim;
    for (const buffer of this.buffers.values())
      slots.forEach((from, to) => void buffer.copyWithin(to * size, from * size, (from + 1) * size));
    this.reshape(batch, this.positions, lengths);
  }

  private reshape(batch: number, capacity: number, lengths: readonly number[]): void {
    this.slots = batch;
    this.positions = capacity;
    this.fed = undefined;
    this.bound = undefined;
    for (let slot = 0; slot < batch; slot++) {
      const first = slot * capacity;
      this.bias.fill(0, first, first + (lengths[slot] ?? 0));
      this.bias.fill(HIDDEN, first + (lengths[slot] ?? 0), first + capacity);
    }
  }
}
