// `overtone gc --store`: frees a store that several runs share, after saying what that is.
import { collectStore, findRuns, type SharedGarbage } from '@overtone/experiment/history';
import { InputError } from '@overtone/experiment/prepare';
import { formatBytes } from './format-bytes.ts';
import { agreed } from './gc-command.ts';
import { working } from './sign-of-life.ts';

/** How to free it. */
export interface GcStoreFlags {
  /** Its URI. */
  readonly store: string;
  /** Hours: what is younger stays. */
  readonly olderThan: number;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly isAsking: boolean;
}

/** Says what of a store none of the runs below folders refers to, and frees it once that is agreed to. */
export async function gcStore(
  folders: readonly string[],
  { store, olderThan, dryRun, json, isAsking }: GcStoreFlags,
  signal: AbortSignal,
): Promise<void> {
  if (!/^(?:s3|file):\/\//i.test(store))
    throw new InputError(
      `--store: expected s3://bucket/prefix or file:///folder, got ${JSON.stringify(store)}`,
    );
  const runs = (await Promise.all(folders.map(findRuns))).flat();
  const collect = async (free: boolean): Promise<SharedGarbage> => {
    const sign = working();
    sign.say(`${free ? 'freeing' : 'looking through'} ${store}`);
    const options = { free, olderThanMs: olderThan * 3_600_000, signal };
    return collectStore(runs, store, options).finally(sign.done);
  };
  if (isAsking) {
    const found = await collect(false);
    process.stderr.write(said(found, 'can be freed', olderThan));
    if (found.entries === 0 || !(await agreed(signal))) return;
  }
  const done = await collect(!dryRun);
  process.stdout.write(
    json
      ? `${JSON.stringify({ freed: !dryRun, ...done }, null, 2)}\n`
      : said(done, dryRun ? 'can be freed' : 'were freed', olderThan),
  );
}

function said({ store, runs, objects, entries, bytes }: SharedGarbage, verb: string, hours: number): string {
  const others = entries - objects;
  return `${store}: ${formatBytes(bytes)} ${verb}: ${objects} artifacts and ${others} keys, folders and unfinished uploads that are older than ${hours} h and that none of its ${runs.length} known runs refers to.\n`;
}
