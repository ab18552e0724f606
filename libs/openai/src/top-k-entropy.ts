// Entropy from the most probable tokens alone: an interval that holds the entropy of the whole distribution, whatever the
// tokens that a server does not tell of share among them.

/** An interval of entropies, nats. */
export interface EntropyInterval {
  readonly lower: number;
  readonly upper: number;
}

/** What is known of a distribution. */
export interface KnownLogprobs {
  /** Log-probabilities of different tokens, nats, at least one; the sampled token's may be among them. */
  readonly logprobs: readonly number[];
  /** No token that is not among them is more probable than this, nats. */
  readonly ceiling: number;
  /** Tokens in the whole vocabulary. */
  readonly vocabularySize: number;
}

/**
 * How far the probabilities of a float32 softmax may be from adding up to 1, per token of the vocabulary: llama-server's exceeded
 * it by 2.7e-4 at 49,152 tokens, since it adds up in float32. Twice that is allowed for.
 */
const NORMALISER_ERROR_PER_TOKEN = 2 ** -26;

/**
 * The interval in which the entropy lies.
 *
 * With the K known probabilities p_i, their ceiling c, the mass m = 1 − Σ p_i of the R = V − K others, and h(p) = −p ln p, it is
 * Σ h(p_i) + t, where t is largest when the others are equal, R · h(m/R), and least when they are as few as the ceiling permits,
 * ⌊m/c⌋ · h(c) + h(m − ⌊m/c⌋ c): entropy is Schur-concave, and these two are the least and the most spread out ways to share m.
 * The interval is widened by what a float32 softmax may get wrong.
 */
export function entropyInterval({ logprobs, ceiling, vocabularySize }: KnownLogprobs): EntropyInterval {
  const others = Math.max(0, vocabularySize - logprobs.length);
  const error = vocabularySize * NORMALISER_ERROR_PER_TOKEN;
  const intervals = [-error, 0, error].map((shift) => {
    const shifted = logprobs.map((logprob) => logprob - shift);
    const mass = others === 0 ? 0 : Math.max(0, 1 - sum(shifted.map((logprob) => Math.exp(logprob))));
    const known = sum(shifted.map((logprob) => term(Math.exp(logprob))));
    const top = Math.exp(ceiling - shift);
    // What the ceiling cannot hold contradicts it; then the others are as equal as can be.
    const full = Math.min(others, Math.floor(mass / top));
    const few = full * term(top) + (full < others ? term(mass - full * top) : 0);
    const even = others === 0 ? 0 : others * term(mass / others);
    return { lower: known + Math.min(few, even), upper: known + even };
  });
  return {
    lower: Math.max(0, Math.min(...intervals.map(({ lower }) => lower))),
    upper: Math.min(Math.log(vocabularySize), Math.max(...intervals.map(({ upper }) => upper))),
  };
}

function term(probability: number): number {
  return probability > 0 ? -probability * Math.log(probability) : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
