// Sums by attributes, read when metrics are collected: adding to one costs a look into a table, where an instrument of the SDK would sort
// and join the attributes every time.
import { type Attributes, type ObservableResult } from '@opentelemetry/api';

interface Sum {
  readonly attributes: Attributes;
  value: number;
}

/** The sums of one metric. */
export class Sums {
  readonly #byKey = new Map<string, Sum>();
  /** For callers that have the same object every time. */
  readonly #byObject = new WeakMap<Attributes, Sum>();

  /** Adds to the sum of these attributes, which must not change afterwards. */
  add(value: number, attributes: Attributes): void {
    let sum = this.#byObject.get(attributes);
    if (sum === undefined) {
      sum = this.#find(attributes);
      this.#byObject.set(attributes, sum);
    }
    sum.value += value;
  }

  /** Tells all sums. */
  readonly observe = (result: ObservableResult): void => {
    for (const { value, attributes } of this.#byKey.values()) result.observe(value, attributes);
  };

  #find(attributes: Attributes): Sum {
    const key = JSON.stringify(Object.entries(attributes).sort(([left], [right]) => (left < right ? -1 : 1)));
    let sum = this.#byKey.get(key);
    if (sum === undefined) {
      sum = { attributes, value: 0 };
      this.#byKey.set(key, sum);
    }
    return sum;
  }
}
