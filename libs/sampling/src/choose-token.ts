// The choice of a token from a distribution: temperature, nucleus, one uniform number.

/** How a token is chosen. */
export interface ChoiceOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** Nucleus mass in (0, 1]; 1 keeps the whole distribution (Holtzman et al. 2020). */
  readonly topP: number;
}

/**
 * Chooses a token from log-probabilities at temperature 1.
 *
 * The distribution is tempered first; then the nucleus is the smallest set of most probable tokens whose mass reaches
 * topP, equal probabilities in the order of their ids; then the inverse of its cumulative distribution is read at
 * `uniform`.
 *
 * @param logprobs [vocabulary], nats.
 * @param uniform In [0, 1).
 */
export function chooseToken(
  logprobs: Float32Array,
  { temperature, topP }: ChoiceOptions,
  uniform: number,
): number {
  let best = 0;
  for (let token = 1; token < logprobs.length; token++)
    if ((logprobs[token] ?? 0) > (logprobs[best] ?? 0)) best = token;
  if (temperature === 0) return best;
  const peak = logprobs[best] ?? 0;
  if (scratch.length < logprobs.length) scratch = new Float64Array(logprobs.length);
  const weights = scratch.subarray(0, logprobs.length);
  let total = 0;
  for (let token = 0; token < logprobs.length; token++) {
    const weight = Math.exp(((logprobs[token] ?? 0) - peak) / temperature);
    weights[token] = weight;
    total += weight;
  }
  return topP < 1 ? fromNucleus(weights, topP * total, uniform) : fromAll(weights, total, uniform);
}

/** Nuclei up to this size are found by looking for one maximum after the other, larger ones by sorting. */
const SMALL_NUCLEUS = 6;

/** One thread chooses one token at a time. */
let scratch = new Float64Array(0);

function fromAll(weights: Float64Array, total: number, uniform: number): number {
  let remaining = uniform * total;
  for (let token = 0; token < weights.length; token++) {
    remaining -= weights[token] ?? 0;
    if (remaining < 0) return token;
  }
  return weights.length - 1;
}

/** Chooses from the smallest set of largest weights, equal ones in the order of their indices, whose sum reaches `mass`. */
function fromNucleus(weights: Float64Array, mass: number, uniform: number): number {
  const order: number[] = [];
  let kept = 0;
  let last = Infinity;
  let lastToken = -1;
  while (kept < mass && order.length < Math.min(SMALL_NUCLEUS, weights.length)) {
    let next = -1;
    let largest = -1;
    for (let token = 0; token < weights.length; token++) {
      const weight = weights[token] ?? 0;
      if (weight > largest && (weight < last || (weight === last && token > lastToken))) {
        largest = weight;
        next = token;
      }
    }
    order.push(next);
    kept += largest;
    last = largest;
    lastToken = next;
  }
  if (kept < mass && order.length < weights.length) {
    const rest = Array.from(weights.keys()).sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
    while (order.length < rest.length && kept < mass) {
      const next = rest[order.length] ?? 0;
      order.push(next);
      kept += weights[next] ?? 0;
    }
  }
  let remaining = uniform * kept;
  for (const token of order) {
    remaining -= weights[token] ?? 0;
    if (remaining < 0) return token;
  }
  return order.at(-1) ?? 0;
}
