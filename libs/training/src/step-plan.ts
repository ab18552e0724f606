// Which examples each step trains on: a function of the data, the objective and the seed, so that a restarted run
// takes up the same batches.
import { seededRandom, shuffle } from '@overtone/statistics';
import { type Tokenizer } from '@overtone/language-model';
import { type TrainingGroup } from './dataset.ts';
import { type Objective } from './objectives/objective.ts';
import { type Sequence, tokenizeSequence } from './sequence.ts';
import { TrainingError } from './training-error.ts';

/** An example in tokens: its sequences take consecutive places in a batch. */
export interface TokenizedExample {
  readonly id: string;
  readonly sequences: readonly Sequence[];
  /** One number for each sequence and each of the objective's coefficients. */
  readonly coefficients: Readonly<Record<string, readonly number[]>>;
}

/** How examples are put into steps. */
export type Batching =
  | {
      /** Examples of a step, in an order drawn from the seed for every pass over the data. */
      readonly groupsPerStep: number;
      /** Steps; 0 is one pass, whose last step may have fewer examples. */
      readonly steps: number;
    }
  | {
      /** Whole examples are taken in the order of the data until a step would exceed this. One pass. */
      readonly tokensPerStep: number;
    };

/** The examples of every step. */
export type StepPlan = readonly (readonly TokenizedExample[])[];

/**
 * Takes from each group what the objective learns from.
 *
 * @throws {TrainingError} when a sequence exceeds `maxLength`, or nothing is left to train on.
 */
export async function tokenizeExamples(
  groups: AsyncIterable<TrainingGroup>,
  objective: Objective,
  tokenizer: Tokenizer,
  { seed, maxLength }: { readonly seed: number; readonly maxLength: number },
): Promise<TokenizedExample[]> {
  const examples: TokenizedExample[] = [];
  let read = 0;
  for await (const { id, messages, solutions } of groups) {
    read += 1;
    const scored = { id, scores: solutions.map(({ score }) => score) };
    const example = objective.example(scored, seededRandom('select', seed, id));
    if (!example) continue;
    const sequences = example.solutions.map((index) =>
      tokenizeSequence(tokenizer, messages, solutions[index]?.text ?? ''),
    );
    const longest = Math.max(...sequences.map(({ tokens }) => tokens.length));
    if (longest > maxLength) {
      throw new TrainingError(
        `group ${id}: a sequence has ${longest} tokens, max_length is ${maxLength}; raise it or leave the group out`,
      );
    }
    examples.push({ id, sequences, coefficients: example.coefficients });
  }
  if (examples.length === 0) {
    throw new TrainingError(
      read === 0
        ? 'the data set is empty'
        : `none of the ${read} groups has anything to train on with ${objective.name}: all solutions of each have equal scores`,
    );
  }
  return examples;
}

const tokensOf = (example: TokenizedExample): number =>
  example.sequences.reduce((sum, { tokens }) => sum + tokens.length, 0);

/** Puts examples into steps. */
export function planSteps(examples: readonly TokenizedExample[], batching: Batching, seed: number): StepPlan {
  const plan: TokenizedExample[][] = [];
  if ('tokensPerStep' in batching) {
    let current: TokenizedExample[] = [];
    let tokens = 0;
    for (const example of examples) {
      const size = tokensOf(example);
      if (current.length > 0 && tokens + size > batching.tokensPerStep) {
        plan.push(current);
        current = [];
        tokens = 0;
      }
      current.push(example);
      tokens += size;
    }
    plan.push(current);
    return plan;
  }
  const { groupsPerStep, steps } = batching;
  if (steps === 0) {
    const order = shuffle(examples, seededRandom('order', seed, 0));
    while (order.length > 0) plan.push(order.splice(0, groupsPerStep));
    return plan;
  }
  let order: TokenizedExample[] = [];
  for (let pass = 0; plan.length < steps; pass++) {
    order = [...order, ...shuffle(examples, seededRandom('order', seed, pass))];
    while (order.length >= groupsPerStep && plan.length < steps) plan.push(order.splice(0, groupsPerStep));
  }
  return plan;
}
