// What an objective is: which sequences of a group it trains on, and a loss of their log-probabilities.
import type * as tf from '@tensorflow/tfjs-core';

/** A question's solutions with their scores; larger is better. */
export interface ScoredGroup {
  readonly id: string;
  readonly scores: readonly number[];
}

/** What an objective takes from a group. */
export interface Example {
  /** Indices of the solutions it trains on; they take consecutive places in the batch. */
  readonly solutions: readonly number[];
  /** One number for each of those solutions and each of the objective's coefficients. */
  readonly coefficients: Readonly<Record<string, readonly number[]>>;
}

/** What a loss of tokens is computed from besides; all but `belongs` are [targets], whose unused places belong to no completion. */
export interface CompletionTokens {
  /** Log-probability of each completion token, nats; some number at unused places. */
  readonly logprobs: tf.Tensor1D;
  /** The same under the reference model; 0 at unused places. */
  readonly reference: tf.Tensor1D;
  /** The same under the model that the run starts from, which the completions are taken to be sampled from; 0 at unused places. */
  readonly old: tf.Tensor1D;
  /** 1 where a token belongs to a completion; [targets, places]. */
  readonly belongs: tf.Tensor2D;
}

/** What a loss is computed from; every tensor is [places], with zeros (ones in `tokens`) at unused places. */
export interface LossInput {
  /** Sum of completion-token log-probabilities, nats. */
  readonly logprobs: tf.Tensor1D;
  /** The same under the reference model; zeros unless the objective needs a reference. */
  readonly reference: tf.Tensor1D;
  /** Completion tokens. */
  readonly tokens: tf.Tensor1D;
  /** Examples in the batch; scalar. */
  readonly groups: tf.Scalar;
  /** The objective's coefficients. */
  readonly coefficients: Readonly<Record<string, tf.Tensor1D>>;
  /** The completions' tokens, where the objective needs them. */
  readonly each?: CompletionTokens | undefined;
}

/** A loss to minimise, and what else to report; all scalars. */
export interface LossOutput {
  readonly loss: tf.Scalar;
  readonly metrics: Readonly<Record<string, tf.Scalar>>;
}

/** A training objective. */
export interface Objective {
  readonly name: string;
  /** Whether the loss needs log-probabilities under the starting model. */
  readonly needsReference: boolean;
  /** Whether the loss needs log-probabilities of each token: `LossInput.each`. Default false. */
  readonly needsTokens?: boolean;
  /** Names of the numbers that `example` gives for each solution. */
  readonly coefficients: readonly string[];
  /** Chooses from a group; undefined when there is nothing to learn from it. `random` is uniform in [0, 1). */
  example(group: ScoredGroup, random: () => number): Example | undefined;
  /**
   * What an example counts in the mean that the loss is, so that a batch may be computed in parts; `tokens` are those of each
   * completion. Default 1: a mean over examples.
   */
  weight?(example: {
    readonly coefficients: Example['coefficients'];
    readonly tokens: readonly number[];
  }): number;
  /** Whether the loss compares examples with each other, and so cannot be computed in parts. Default false. */
  readonly wholeBatch?: boolean;
  /** The loss of a batch. */
  loss(input: LossInput): LossOutput;
  /** What else to report of a step, from the scores of the solutions that it trains on, group by group. Default: nothing. */
  scoreMetrics?(scores: readonly (readonly number[])[]): Readonly<Record<string, number>>;
}

/** Indices of the largest and the smallest score; the first of equals. */
export function extremes(scores: readonly number[]): { best: number; worst: number } {
  let best = 0;
  let worst = 0;
  scores.forEach((score, index) => {
    if (score > (scores[best] ?? -Infinity)) best = index;
    if (score < (scores[worst] ?? Infinity)) worst = index;
  });
  return { best, worst };
}

/** A coefficient by name. Throws when the batch lacks it. */
export function coefficient(input: LossInput, name: string): tf.Tensor1D {
  const tensor = input.coefficients[name];
  if (!tensor) throw new Error(`The batch has no coefficient ${name}`);
  return tensor;
}

/** The completions' tokens. Throws when the batch lacks them. */
export function completionTokens({ each }: LossInput): CompletionTokens {
  if (!each) throw new Error('The batch has no log-probabilities of tokens');
  return each;
}
