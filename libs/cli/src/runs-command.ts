// `overtone runs`: the runs below a folder, a line each.
import { relative } from 'node:path';
import { findRuns, type ListedRun, listRunAt } from '@overtone/experiment/history';
import { columns, formatDifference, formatSeconds, formatShare } from '@overtone/report';
import { formatBytes } from './format-bytes.ts';
import { working } from './sign-of-life.ts';

/** A folder that holds a run which cannot be read. */
interface Unreadable {
  readonly path: string;
  readonly error: string;
}

/** Prints the runs below a folder, the latest first. */
export async function runsCommand(
  folder: string,
  { json }: { json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const sign = working();
  const runs: ListedRun[] = [];
  const unreadable: Unreadable[] = [];
  try {
    sign.say(`looking for runs in ${folder}`);
    for (const path of await findRuns(folder)) {
      signal.throwIfAborted();
      sign.say(`reading ${path}`);
      try {
        runs.push(await listRunAt(path));
      } catch (error) {
        unreadable.push({ path, error: error instanceof Error ? error.message : String(error) });
      }
    }
  } finally {
    sign.done();
  }
  runs.sort((left, right) => right.created.localeCompare(left.created));
  if (json) {
    process.stdout.write(`${JSON.stringify([...runs, ...unreadable], null, 2)}\n`);
    return;
  }
  process.stdout.write(runs.length === 0 ? `No runs in ${folder}.\n` : `${runsTable(runs)}\n`);
  for (const { path, error } of unreadable) process.stderr.write(`${near(path)}: ${error}\n`);
}

/** Runs as a table. */
function runsTable(runs: readonly ListedRun[]): string {
  return columns(
    ['run', 'experiment', 'state', 'started', 'best arm on hard questions', 'took', 'size'],
    runs.map(({ path, name, state, created, seconds, headline, bytes }) => [
      near(path),
      name,
      state,
      created.slice(0, 16).replace('T', ' '),
      headline === null
        ? '–'
        : `${headline.arm} ${formatShare(headline.hard)} (${formatDifference(headline.gain)} [${headline.ci95.map(formatDifference).join(', ')}])`,
      seconds === null ? '–' : formatSeconds(seconds),
      formatBytes(bytes),
    ]),
    5,
  );
}

/** A path from here, where that is shorter. */
export function near(path: string): string {
  const short = relative(process.cwd(), path);
  return short !== '' && short.length < path.length ? short : path;
}
