// The choice of a token from a distribution: temperature, nucleus, one uniform number.
import { blockWidth } from '@overtone/tensor';
import { type Distribution } from './distribution.ts';

/** How a token is chosen. */
export interface ChoiceOptions {
  /** 0 is greedy. */
  readonly temperature: number;
  /** Nucleus mass in (0, 1]; 1 keeps the whole distribution (Holtzman et al. 2020). */
  readonly topP: number;
}

/**
 * Chooses a token.
 *
 * The distribution is tempered first; then the nucleus is the smallest set of most probable tokens whose mass reaches
 * topP, equal probabilities in the order of their ids; then the inverse of its cumulative distribution is read at
 * `uniform`: over ids without a nucleus, over falling probabilities with one.
 *
 * @param distribution Its `masses` are those of this temperature.
 * @param uniform In [0, 1).
 */
export function chooseToken(
  distribution: Distribution,
  { temperature, topP }: ChoiceOptions,
  uniform: number,
): number {
  if (temperature === 0) return distribution.top[0] ?? 0;
  const total = distribution.masses.reduce((sum, mass) => sum + mass, 0);
  const weigh = weigher(distribution, temperature);
  return topP < 1
    ? fromNucleus(distribution, weigh, topP * total, uniform)
    : fromAll(distribution, weigh, uniform * total);
}

type Weigh = (token: number) => number;

/** A token's share of the masses. */
function weigher({ logits, peak }: Distribution, temperature: number): Weigh {
  return (token) => Math.exp(((logits[token] ?? -Infinity) - peak) / temperature);
}

function fromAll({ logits, masses, top }: Distribution, weigh: Weigh, target: number): number {
  const width = blockWidth(logits.length);
  let remaining = target;
  for (const [block, mass] of masses.entries()) {
    if (remaining >= mass && block < masses.length - 1) {
      remaining -= mass;
      continue;
    }
    let last = -1;
    for (let token = block * width; token < Math.min(logits.length, (block + 1) * width); token++) {
      const weight = weigh(token);
      if (weight > 0) last = token;
      remaining -= weight;
      if (remaining < 0) return token;
    }
    // The block's mass was rounded up: what is left of it belongs to the last token that has any.
    if (last >= 0) return last;
  }
  return top[0] ?? 0;
}

function fromNucleus({ logits, top }: Distribution, weigh: Weigh, mass: number, uniform: number): number {
  const order: number[] = [];
  let kept = 0;
  for (const token of top) {
    if (kept >= mass) break;
    order.push(token);
    kept += weigh(token);
  }
  if (kept < mass && order.length < logits.length) {
    const rest = Array.from(logits.keys()).sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
    while (order.length < rest.length && kept < mass) {
      const next = rest[order.length] ?? 0;
      order.push(next);
      kept += weigh(next);
    }
  }
  let remaining = uniform * kept;
  for (const token of order) {
    remaining -= weigh(token);
    if (remaining < 0) return token;
  }
  return order.at(-1) ?? 0;
}
