// `overtone compare`: runs side by side, as a table and as a page.
import { writeFileSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { readRun, runToCompare } from '@overtone/experiment/history';
import { InputError } from '@overtone/experiment/prepare';
import { compareRuns, comparisonTable, renderComparisonHtml, type RunToCompare } from '@overtone/report';
import { working } from './sign-of-life.ts';

/** The options of `compare`. */
export interface CompareFlags {
  readonly out?: string;
  readonly seed: number;
  readonly json: boolean;
}

/** Prints a comparison, and writes its page where a file is named. @throws InputError for folders without a report */
export async function compareCommand(
  folders: readonly string[],
  { out, seed, json }: CompareFlags,
  signal: AbortSignal,
): Promise<void> {
  const names = namesOf(folders);
  const sign = working();
  const runs: RunToCompare[] = [];
  try {
    for (const [index, folder] of folders.entries()) {
      signal.throwIfAborted();
      sign.say(`reading ${folder}`);
      runs.push(await runToCompare(await readRun(folder), names[index]));
    }
    sign.say('testing differences');
    // So that the line is drawn before the processor is busy.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    sign.done();
  }
  const comparison = compareRuns(runs, { seed });
  if (out !== undefined) {
    try {
      writeFileSync(out, renderComparisonHtml(comparison));
    } catch (error) {
      throw new InputError(`--out: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  process.stdout.write(json ? `${JSON.stringify(comparison, null, 2)}\n` : comparisonTable(comparison));
  if (out !== undefined) process.stderr.write(`Page: ${out}\n`);
}

/** Names for tables: the folders' own, or their paths where two are called the same. */
function namesOf(folders: readonly string[]): string[] {
  const short = folders.map((folder) => basename(resolve(folder)));
  if (new Set(folders.map((folder) => resolve(folder))).size < folders.length)
    throw new InputError('a run is named twice; compare different ones');
  return short.map((name, index) =>
    short.filter((other) => other === name).length > 1
      ? relative(process.cwd(), resolve(folders[index] ?? name))
      : name,
  );
}
