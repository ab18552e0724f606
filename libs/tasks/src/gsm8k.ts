// GSM8K: grade-school mathematics in words, 7,473 questions to train on and 1,319 to test with (Cobbe et al. 2021,
// arXiv 2110.14168). The data set comes with this room, under its own licence: ../data/gsm8k.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchFromHub, isHubLocation, parseHubLocation } from './hub.ts';
import { loadJsonl } from './jsonl.ts';
import { loadParquet } from './parquet.ts';
import type { LoadedProblem } from './problem.ts';
import type { RecordOptions } from './record.ts';

/** The two splits. */
export type Gsm8kSplit = 'train' | 'test';

const SHIPPED = fileURLToPath(new URL('../data/gsm8k', import.meta.url));

/** What to load, and from where. */
export interface Gsm8kOptions extends Omit<RecordOptions, 'fields'> {
  readonly split: Gsm8kSplit;
  /**
   * A folder with the split's file (train.jsonl, also .gz, .br or .zst, or …train….parquet), or
   * "hf://datasets/openai/gsm8k[@revision]". Default: the copy that comes with this room.
   */
  readonly path?: string | undefined;
  /** Only questions of that many steps: fewest and most. Default all. */
  readonly steps?: readonly [number, number] | undefined;
}

/**
 * Loads a split. Ids are the rows, for example "gsm8k/test/17" counted from 0, the same from every source; the difficulty
 * is the number of calculations, "steps=3"; solutions are without calculator annotations.
 *
 * @throws Error that names the file and says what is wrong or missing.
 */
export async function loadGsm8k({ split, path, steps, ...options }: Gsm8kOptions): Promise<LoadedProblem[]> {
  const file = await findFile(split, path, options.signal);
  // Answers stay as they are until the calculations in them have been counted.
  const load = file.endsWith('.parquet') ? loadParquet : loadJsonl;
  const rows = await load(file, { ...options, rawAnswers: true });
  const problems = rows.map((row, index): LoadedProblem & { steps: number } => {
    const answer = /#### *(-?[\d,.]+) *$/.exec(row.answer)?.[1]?.replaceAll(',', '');
    if (answer === undefined) {
      throw new Error(
        `${file}: question ${index + 1}: its answer does not end in "#### <number>"; is this GSM8K?`,
      );
    }
    const count = countSteps(row.answer);
    return {
      id: `gsm8k/${split}/${index}`,
      question: row.question,
      answer: options.rawAnswers === true ? row.answer : answer,
      difficulty: `steps=${count}`,
      solution: row.answer.replace(/<<[^>]*>>/g, ''),
      steps: count,
    };
  });
  return problems
    .filter((problem) => steps === undefined || (problem.steps >= steps[0] && problem.steps <= steps[1]))
    .map(({ steps: _, ...problem }) => problem);
}

/**
 * Steps of a reference solution: its annotated calculations "<<48/2=24>>"; the 113 solutions without any count their
 * lines, but for the last, "#### 72".
 */
export function countSteps(solution: string): number {
  const annotated = solution.match(/<<[^>]*>>/g)?.length ?? 0;
  return annotated > 0 ? annotated : Math.max(1, solution.trim().split('\n').length - 1);
}

async function findFile(
  split: Gsm8kSplit,
  path: string = SHIPPED,
  signal: AbortSignal | undefined = undefined,
): Promise<string> {
  if (isHubLocation(path)) {
    const location = parseHubLocation(path);
    const file = location.path || `main/${split}-00000-of-00001.parquet`;
    return fetchFromHub({ ...location, path: file }, signal === undefined ? {} : { signal });
  }
  const found = await stat(path).catch(() => undefined);
  if (found === undefined)
    throw new Error(`${path}: no such folder; leave "path" out for the copy that is shipped`);
  if (found.isFile()) return path;
  const files = await readdir(path);
  const wanted = new RegExp(
    `^${split}\\.jsonl(?:\\.(?:gz|br|zst))?$|^${split}(?:-00000-of-00001)?\\.parquet$`,
  );
  const file = files.sort().find((name) => wanted.test(name));
  if (file === undefined) {
    throw new Error(`${path}: there is no ${split}.jsonl or ${split}-00000-of-00001.parquet in this folder`);
  }
  return join(path, file);
}
