// `overtone gc`: frees what runs need no more, after saying what that is.
import { createInterface } from 'node:readline/promises';
import { collectGarbage, type Collection, findRuns } from '@overtone/experiment/history';
import { InputError } from '@overtone/experiment/prepare';
import { columns } from '@overtone/report';
import { formatBytes } from './format-bytes.ts';
import { near } from './runs-command.ts';
import { working } from './sign-of-life.ts';

/** The options of `gc`. */
export interface GcFlags {
  readonly dryRun: boolean;
  readonly yes: boolean;
  readonly json: boolean;
  /** URI of a store that several runs share, to be freed instead. */
  readonly store?: string;
  /** Hours, with `store`: what is younger stays. */
  readonly olderThan: number;
}

/** Says what can be freed below folders, and frees it once that is agreed to. */
export async function gcCommand(
  folders: readonly string[],
  { dryRun, yes, json, store, olderThan }: GcFlags,
  signal: AbortSignal,
): Promise<void> {
  const isAsking = !dryRun && !yes;
  if (isAsking && (json || !process.stdin.isTTY || !process.stderr.isTTY))
    throw new InputError(
      '"gc" asks before it removes anything, and nobody is there to answer; give --yes, or --dry-run',
    );
  if (store !== undefined) {
    const { gcStore } = await import('./gc-store.ts');
    await gcStore(folders, { store, olderThan, dryRun, json, isAsking }, signal);
    return;
  }
  const runs = (await Promise.all(folders.map(findRuns))).flat();
  const collect = async (free: boolean): Promise<Collection> => {
    const sign = working();
    const looking = (path: string): void => sign.say(`${free ? 'freeing' : 'looking through'} ${near(path)}`);
    return collectGarbage(runs, { free, signal, looking }).finally(sign.done);
  };
  if (isAsking) {
    const found = await collect(false);
    process.stderr.write(gcTable(found, 'can be freed'));
    if (bytesIn(found) === 0 || !(await agreed(signal))) return;
  }
  const done = await collect(!dryRun);
  if (json) {
    const garbage = done.garbage.map(({ paths, ...rest }) => ({ ...rest, files: paths.length }));
    process.stdout.write(
      `${JSON.stringify({ freed: !dryRun, bytes: bytesIn(done), garbage, spared: done.spared }, null, 2)}\n`,
    );
    return;
  }
  process.stdout.write(
    isAsking
      ? `Freed ${formatBytes(bytesIn(done))}.\n`
      : gcTable(done, dryRun ? 'can be freed' : 'were freed'),
  );
}

const bytesIn = ({ garbage }: Collection): number =>
  garbage.reduce((sum, { artifacts, training }) => sum + artifacts.bytes + training.bytes, 0);

/** What can be, or was, freed, and what was left alone. */
function gcTable(collection: Collection, verb: string): string {
  const { garbage, spared } = collection;
  const useful = garbage.filter(({ paths }) => paths.length > 0);
  const table = columns(
    ['run', 'artifacts', '', 'training files', ''],
    useful.map(({ path, artifacts, training }) => [
      near(path),
      String(artifacts.count),
      formatBytes(artifacts.bytes),
      String(training.count),
      formatBytes(training.bytes),
    ]),
    1,
  );
  const left = spared.map(({ path, reason }) => `${near(path)} is left alone: ${reason}`);
  const runs = garbage.length + spared.length;
  const total = `${formatBytes(bytesIn(collection))} ${verb}, of ${runs} ${runs === 1 ? 'run' : 'runs'}.`;
  return `${[...(useful.length === 0 ? [] : [table]), ...(left.length === 0 ? [] : [left.join('\n')]), total].join('\n\n')}\n`;
}

/** Asks whether to remove what was found. */
export async function agreed(signal: AbortSignal): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question('Free it? [y/N] ', { signal })).trim());
  } finally {
    lines.close();
  }
}
