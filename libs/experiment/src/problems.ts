// The questions of every split: drawn or read, and kept apart, so that nothing is measured on what was trained on.
import { chainSum, loadJsonl, type Problem } from '@overtone/tasks';
import type { SplitName, Task } from './config/schema.ts';
import { InputError, oneLine } from './input-error.ts';

/** The questions of every split. */
export type Splits = { readonly [Name in Exclude<SplitName, 'development'>]: readonly Problem[] } & {
  readonly development?: readonly Problem[];
};

/**
 * Draws or reads the questions of a task. A question of an earlier split (train, development, easy, hard) never
 * returns in a later one: ChainSum draws another instead, a JSONL split that repeats one is refused.
 *
 * @throws InputError when a file cannot be read, holds no question, or shares one with another split.
 */
export async function loadSplits(task: Task): Promise<Splits> {
  const taken = new Map<string, SplitName>();
  const take = async (split: SplitName): Promise<readonly Problem[]> => {
    const problems = await load(task, split, new Set(taken.keys()));
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
  const train = await take('train');
  const development = task.development === undefined ? undefined : await take('development');
  const easy = await take('easy');
  const hard = await take('hard');
  return { train, easy, hard, ...(development === undefined ? {} : { development }) };
}

async function load(task: Task, split: SplitName, exclude: ReadonlySet<string>): Promise<readonly Problem[]> {
  try {
    if (task.kind === 'jsonl') {
      const source = task[split];
      if (source === undefined) return [];
      const problems = await loadJsonl(source.path);
      return problems.slice(0, source.count);
    }
    const source = task[split];
    if (source === undefined) return [];
    const { seed, count, terms, max, nonNegative } = source;
    return chainSum({
      seed,
      count,
      minTerms: terms[0],
      maxTerms: terms[1],
      maxValue: max,
      nonNegative,
      exclude,
    });
  } catch (error) {
    throw new InputError(
      `task.${split}: ${oneLine(error instanceof Error ? error.message : String(error))}`,
      {
        cause: error,
      },
    );
  }
}
