// The questions of every split: drawn or read, and kept apart, so that nothing is measured on what was trained on.
import {
  chainSum,
  loadGsm8k,
  loadJsonl,
  loadParquet,
  type LoadedProblem,
  localFile,
  type Problem,
  reasoningGymChainSum,
  select,
  solvedExample,
  type SolvedExample,
} from '@overtone/tasks';
import type { SplitName, Task } from './config/schema.ts';
import { InputError, oneLine } from './input-error.ts';

/** The questions of every split. */
export type Splits = { readonly [Name in Exclude<SplitName, 'development'>]: readonly Problem[] } & {
  readonly development?: readonly Problem[];
  /** Solved examples for the prompt; in no split. */
  readonly examples: readonly SolvedExample[];
};

/**
 * Draws or reads the questions of a task. A question of an earlier split (train, development, easy, hard) never
 * returns in a later one: ChainSum draws another instead, a split of another kind that repeats one is refused.
 *
 * @throws InputError when a file cannot be read, holds no question, or shares one with another split.
 */
export async function loadSplits(task: Task, options: { signal?: AbortSignal } = {}): Promise<Splits> {
  const taken = new Map<string, SplitName>();
  const take = async (split: SplitName): Promise<readonly LoadedProblem[]> => {
    const problems = await load(task, split, new Set(taken.keys()), options);
    if (problems.length === 0)
      throw new InputError(`task.${split}: there is no question; give the task at least one`);
    for (const { id } of problems) {
      const other = taken.get(id);
      if (other !== undefined)
        throw new InputError(
          `task.${split}: question "${id}" is in task.${other} too; a split must not share questions with another`,
        );
    }
    for (const { id } of problems) taken.set(id, split);
    return problems;
  };
  const { examples, train } = takeExamples(task, await take('train'));
  const development = task.development === undefined ? undefined : await take('development');
  const easy = await take('easy');
  const hard = await take('hard');
  return {
    train: train.map(withoutSolution),
    easy: easy.map(withoutSolution),
    hard: hard.map(withoutSolution),
    ...(development === undefined ? {} : { development: development.map(withoutSolution) }),
    examples,
  };
}

/**
 * Draws or reads the questions of one split, whatever the other splits hold.
 *
 * @throws InputError when a file cannot be read, or there is no question.
 */
export async function loadQuestions(
  task: Task,
  split: SplitName,
  options: { signal?: AbortSignal } = {},
): Promise<readonly Problem[]> {
  const problems = await load(task, split, new Set(), options);
  if (problems.length === 0)
    throw new InputError(`task.${split}: there is no question; give the task at least one`);
  return problems.map(withoutSolution);
}

function takeExamples(
  task: Task,
  train: readonly LoadedProblem[],
): { train: readonly LoadedProblem[]; examples: readonly SolvedExample[] } {
  if (task.examples === undefined) return { train, examples: [] };
  if (Array.isArray(task.examples)) return { train, examples: task.examples };
  const { count, seed } = task.examples;
  if (count >= train.length)
    throw new InputError(
      `task.examples.count: ${count} examples leave none of the ${train.length} questions of task.train to train on`,
    );
  const examples = select(train, { count, seed });
  const shown = new Set(examples.map(({ id }) => id));
  try {
    return { train: train.filter(({ id }) => !shown.has(id)), examples: examples.map(solvedExample) };
  } catch (error) {
    throw new InputError(`task.${oneLine(error instanceof Error ? error.message : String(error))}`, {
      cause: error,
    });
  }
}

function withoutSolution({ id, question, answer, difficulty }: LoadedProblem): Problem {
  return { id, question, answer, difficulty };
}

async function load(
  task: Task,
  split: SplitName,
  exclude: ReadonlySet<string>,
  options: { signal?: AbortSignal },
): Promise<readonly LoadedProblem[]> {
  const reading = { ...options, rawAnswers: task.verifier !== undefined };
  try {
    switch (task.kind) {
      case 'chain-sum': {
        const source = task[split];
        if (source === undefined) return [];
        if ('size' in source) return reasoningGymChainSum({ ...source, exclude });
        const { seed, count, terms, max, nonNegative } = source;
        const [minTerms, maxTerms] = terms;
        return chainSum({ seed, count, minTerms, maxTerms, maxValue: max, nonNegative, exclude });
      }
      case 'gsm8k': {
        const source = task[split];
        if (source === undefined) return [];
        const { split: part, steps } = source;
        return select(await loadGsm8k({ ...reading, path: task.path, split: part, steps }), source);
      }
      case 'jsonl':
      case 'parquet': {
        const source = task[split];
        if (source === undefined) return [];
        const read = task.kind === 'jsonl' ? loadJsonl : loadParquet;
        const file = await localFile(source.path, options);
        return select(await read(file, { ...reading, ...(task.fields && { fields: task.fields }) }), source);
      }
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    const reason = oneLine(error instanceof Error ? error.message : String(error));
    throw new InputError(`task.${split}: ${reason}`, { cause: error });
  }
}
