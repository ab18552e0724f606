// An index of millions of verdicts in little memory: an open-addressed hash table in typed arrays, 24 bytes a slot.

/** Words of 32 bits that a key keeps of its hash. */
const WORDS = 4;
const FULLEST = 0.75;

/** Numbers by 128-bit keys. NaN is a value like others; there is no removal. */
export class VerdictIndex {
  #size = 0;
  #capacity: number;
  #keys: Uint32Array;
  #used: Uint8Array;
  #values: Float64Array;

  constructor(capacity = 1024) {
    this.#capacity = capacity;
    this.#keys = new Uint32Array(capacity * WORDS);
    this.#used = new Uint8Array(capacity);
    this.#values = new Float64Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** The value of a key; undefined when there is none. @param key 32 hexadecimal digits. */
  get(key: string): number | undefined {
    const slot = this.#slot(words(key));
    return this.#used[slot] === 1 ? this.#values[slot] : undefined;
  }

  /** Sets the value of a key. */
  set(key: string, value: number): void {
    if (this.#size >= this.#capacity * FULLEST) this.#grow();
    this.#put(words(key), value);
  }

  #put(key: readonly number[], value: number): void {
    const slot = this.#slot(key);
    if (this.#used[slot] === 0) {
      this.#used[slot] = 1;
      this.#keys.set(key, slot * WORDS);
      this.#size++;
    }
    this.#values[slot] = value;
  }

  /** The slot that holds the key, or that would. */
  #slot(key: readonly number[]): number {
    for (let slot = (key[0] ?? 0) % this.#capacity; ; slot = (slot + 1) % this.#capacity) {
      if (this.#used[slot] === 0) return slot;
      const at = slot * WORDS;
      if (key.every((word, index) => this.#keys[at + index] === word)) return slot;
    }
  }

  #grow(): void {
    const [keys, used, values] = [this.#keys, this.#used, this.#values];
    this.#capacity *= 2;
    this.#keys = new Uint32Array(this.#capacity * WORDS);
    this.#used = new Uint8Array(this.#capacity);
    this.#values = new Float64Array(this.#capacity);
    this.#size = 0;
    for (const [slot, isUsed] of used.entries()) {
      if (isUsed === 1)
        this.#put([...keys.subarray(slot * WORDS, (slot + 1) * WORDS)], values[slot] ?? Number.NaN);
    }
  }
}

function words(key: string): number[] {
  return [0, 8, 16, 24].map((at) => Number.parseInt(key.slice(at, at + 8), 16));
}
