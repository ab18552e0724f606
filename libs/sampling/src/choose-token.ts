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
  const weights = Float64Array.from(logprobs, (logprob) => Math.exp((logprob - peak) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = Array.from(weights.keys());
  let kept = total;
  if (topP < 1) {
    order.sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
    kept = 0;
    let size = 0;
    while (size < order.length && kept < topP * total) kept += weights[order[size++] ?? 0] ?? 0;
    order.length = size;
  }
  let remaining = uniform * kept;
  for (const token of order) {
    remaining -= weights[token] ?? 0;
    if (remaining < 0) return token;
  }
  return order.at(-1) ?? best;
}
