// Attenuation: what a signal card says about a signal goes into the objective that learns from it.
//
// A card gives a recommendation and the flip rate ε, the estimated probability that the signal's preference between two solutions
// is the wrong way round. With `attenuate: auto` an arm follows it:
// - *use*: it trains as its objective says;
// - *attenuate*: DPO, SimPO and RRHF take ε as label smoothing; and whatever weighs solutions by their scores (RRHF, and SFT, which
//   learns from all solutions instead of the best) takes scores divided by the temperature τ at which they claim to be right as often
//   as the card says they are: the mean of σ(|s_i − s_j| / τ) over all pairs with a preference is 1 − ε. This needs no unit of the
//   scores, so it serves entropies as well as Bradley–Terry strengths. As ε goes to one half τ goes to infinity and SFT becomes SFT on
//   all, which moves the model nowhere; as ε goes to 0 so does τ, and it becomes SFT on the best.
// - *do not train*: it does not, and the arm is the base model. An arm could also train on uniform weights, which at best moves
//   nothing and costs a training; and a preference objective has no such neutral form.
import type { ReportedSignal } from '@overtone/report';
import type { Objective } from './config/schema.ts';
import { InputError } from './input-error.ts';

/** What attenuation reads of a signal card. DPO and SimPO see best against worst alone, and take their flip rate where there is one. */
export type AttenuatingCard = Pick<
  ReportedSignal,
  'name' | 'recommendation' | 'reason' | 'flipRate' | 'bestWorstFlipRate'
>;

/** What an arm with `attenuate: auto` does. */
export type Attenuation =
  | { readonly kind: 'as-is' }
  | { readonly kind: 'not-trained'; readonly reason: string }
  | {
      readonly kind: 'attenuated';
      /** The flip rate that was put in. */
      readonly flipRate: number;
      /** The objective with it. */
      readonly objective: Objective;
      /** What to divide scores by; undefined where the objective only ranks by them. */
      readonly temperature: number | undefined;
    };

/** The objectives that take a flip rate. */
export type Attenuable = Extract<Objective, { type: 'sft' | 'dpo' | 'rrhf' | 'simpo' }>;

const ATTENUABLE: readonly string[] = ['sft', 'dpo', 'rrhf', 'simpo'] satisfies Attenuable['type'][];

/** Whether anything in an objective takes a flip rate. */
export function canBeAttenuated(objective: Objective): objective is Attenuable {
  return ATTENUABLE.includes(objective.type);
}

/** Flip rates that are put into objectives: no signal is certain, and at one half objectives are not defined. */
const RANGE = { least: 0.001, most: 0.49 } as const;

/** Scores that differ by less than this share of the largest difference are equal. */
const ROUNDING = 1e-9;

/**
 * Decides what an arm does.
 *
 * @param scores of every group of the signal.
 * @throws InputError when the card recommends attenuation but has no flip rate or the objective takes none, or when it has no
 *   recommendation at all.
 */
export function attenuate(
  objective: Objective,
  card: AttenuatingCard,
  scores: readonly (readonly number[])[],
): Attenuation {
  const { name, recommendation, reason } = card;
  switch (recommendation) {
    case 'use':
      return { kind: 'as-is' };
    case 'do not train':
      return { kind: 'not-trained', reason: reason ?? 'its card says do not train' };
    case 'attenuate': {
      if (!canBeAttenuated(objective))
        throw new InputError(
          `signal "${name}" is to be attenuated, but nothing in ${objective.type} takes its flip rate; use ${ATTENUABLE.join(', ')}, or set attenuate: off`,
        );
      const ofExtremes = objective.type === 'dpo' || objective.type === 'simpo';
      const estimate = ofExtremes ? (card.bestWorstFlipRate ?? card.flipRate) : card.flipRate;
      if (estimate === null)
        throw new InputError(
          `signal "${name}" is to be attenuated, but its card has no flip rate; add an "audit" to the experiment, or set attenuate: off`,
        );
      // Four digits, so that the last bit of a platform's arithmetic does not make another training of it.
      const flipRate = Number(Math.min(RANGE.most, Math.max(RANGE.least, estimate.value)).toFixed(4));
      return { kind: 'attenuated', flipRate, ...attenuated(objective, flipRate, scores) };
    }
    case null:
      throw new InputError(
        `the scorer gave no recommendation for signal "${name}", which attenuate: auto needs; update the scorer, or set attenuate: off`,
      );
  }
}

function attenuated(
  objective: Attenuable,
  flipRate: number,
  scores: readonly (readonly number[])[],
): { objective: Objective; temperature: number | undefined } {
  switch (objective.type) {
    case 'sft':
      return {
        objective: { ...objective, choose: 'weighted' },
        temperature: scoreTemperature(scores, 1 - flipRate),
      };
    case 'dpo':
    case 'simpo':
      return { objective: { ...objective, labelSmoothing: flipRate }, temperature: undefined };
    case 'rrhf':
      return {
        objective: { ...objective, labelSmoothing: flipRate },
        temperature: scoreTemperature(scores, 1 - flipRate),
      };
  }
}

/**
 * The temperature τ > 0 at which scores claim to be right as often as `accuracy` says: the mean of σ(|s_i − s_j| / τ) over the pairs of
 * all groups whose scores differ is `accuracy`. Six significant digits; 1 where no scores differ.
 *
 * @param accuracy in (0.5, 1).
 * @throws RangeError when accuracy is not in (0.5, 1).
 */
export function scoreTemperature(scores: readonly (readonly number[])[], accuracy: number): number {
  if (!(accuracy > 0.5 && accuracy < 1))
    throw new RangeError(`accuracy must lie between one half and one, got ${accuracy}`);
  const all = scores.flatMap((group) =>
    group.flatMap((one, i) => group.slice(i + 1).map((other) => Math.abs(one - other))),
  );
  const largest = all.reduce((most, difference) => Math.max(most, difference), 0);
  // Less than that is rounding, not a preference.
  const differences = all.filter((difference) => difference > ROUNDING * largest);
  if (differences.length === 0) return 1;
  const claimed = (temperature: number): number =>
    differences.reduce((sum, difference) => sum + 1 / (1 + Math.exp(-difference / temperature)), 0) /
    differences.length;
  // What is claimed falls as the temperature rises, from 1 to one half; far outside of the differences it has reached both.
  let [low, high] = [Math.log(ROUNDING * largest) - 20, Math.log(largest) + 20];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (claimed(Math.exp(middle)) > accuracy) low = middle;
    else high = middle;
  }
  return Number(Math.exp((low + high) / 2).toPrecision(6));
}
