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
  /** Of each sequence. */
  readonly scores: readonly number[];
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

/** What an objective takes from a data set. */
export interface TokenizedData {
  readonly examples: readonly TokenizedExample[];
  /** Ids of the groups that it cannot learn from because they have one solution alone. */
  readonly single: readonly string[];
  /** Ids of the groups that it cannot learn from because all of their solutions have equal scores. */
  readonly tied: readonly string[];
}

/** How many ids an error names. */
const NAMED = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** What a run takes sequences of. */
export interface SequenceLimit {
  /** Seed of random selection. */
  readonly seed: number;
  /** Longest sequence that is asked for, tokens. */
  readonly maxLength: number;
  /** Longest sequence that the model takes, tokens. Default: no limit of its own. */
  readonly maxPositions?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes from each group what the objective learns from.
 *
 * @throws {TrainingError} in one line when sequences are too long, or nothing is left to train on: how many groups, which, and why.
 */
export async function tokenizeExamples(
  groups: AsyncIterable<TrainingGroup>,
  objective: Objective,
  tokenizer: Tokenizer,
  { seed, maxLength, maxPositions = Infinity, signal }: SequenceLimit,
): Promise<TokenizedData> {
  const examples: TokenizedExample[] = [];
  const single: string[] = [];
  const tied: string[] = [];
  const long: string[] = [];
  let read = 0;
  for await (const { id, messages, solutions } of groups) {
    signal?.throwIfAborted();
    read += 1;
    const scored = { id, scores: solutions.map(({ score }) => score) };
    const example = objective.example(scored, seededRandom('select', seed, id));
    if (!example) {
      (solutions.length === 1 ? single : tied).push(id);
      continue;
    }
    const sequences = example.solutions.map((index) =>
      tokenizeSequence(tokenizer, messages, solutions[index]?.text ?? ''),
    );
    const longest = Math.max(...sequences.map(({ tokens }) => tokens.length));
    if (longest > Math.min(maxLength, maxPositions)) long.push(`${id} (${longest} tokens)`);
    else {
      const scores = example.solutions.map((index) => scored.scores[index] ?? 0);
      examples.push({ id, sequences, scores, coefficients: example.coefficients });
    }
  }
  if (long.length > 0) {
    const limit =
      maxPositions < maxLength
        ? `the model takes ${maxPositions} tokens`
        : `max_length is ${maxLength} tokens, raise it or leave them out`;
    throw new TrainingError(
      `${long.length} of ${read} groups have a longer sequence: ${listed(long)}; ${limit}`,
    );
  }
  if (examples.length === 0) {
    const reasons = [
      ...(single.length > 0 ? [`${single.length} have one solution (${listed(single)})`] : []),
      ...(tied.length > 0 ? [`${tied.length} have equal scores (${listed(tied)})`] : []),
    ];
    throw new TrainingError(
      read === 0
        ? 'the data set is empty'
        : `none of the ${read} groups has anything to train on with ${objective.name}: ${reasons.join(', ')}`,
    );
  }
  return { examples, single, tied };
}

/** A step's examples in as many runs of the program, of almost as many examples each; fewer runs where there are fewer examples. */
export function splitStep<Item>(step: readonly Item[], microBatches: number): Item[][] {
  const runs = Math.min(microBatches, step.length);
  return Array.from({ length: runs }, (_, run) =>
    step.slice(Math.ceil((run * step.length) / runs), Math.ceil(((run + 1) * step.length) / runs)),
  );
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
