// `overtone export adapter`: an adapter of a run as a folder that PEFT loads, with its card.
import { chmod, cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readRun, type RunRecord, storeOf } from '@overtone/experiment/history';
import { checkExportFolder } from './export-folder.ts';
import { renderModelCard } from './model-card.ts';
import { type RunAdapter, runAdapter } from './run-adapter.ts';

/** Options of `overtone export adapter`. */
export interface ExportAdapterFlags {
  readonly arm?: string;
  readonly seed?: number;
  readonly out: string;
  readonly force: boolean;
  readonly json: boolean;
}

/** Writes the adapter. @throws InputError when there is none, or `out` is in use. */
export async function exportAdapter(
  path: string,
  { arm, seed, out, force, json }: ExportAdapterFlags,
  signal: AbortSignal,
): Promise<void> {
  checkExportFolder(out, force);
  const record = await readRun(path);
  const adapter = await runAdapter(record, arm, seed);
  signal.throwIfAborted();
  await writeRunAdapter(record, adapter, out);
  const what = { out, arm: adapter.arm, seed: adapter.seed, step: adapter.step };
  process.stdout.write(
    json
      ? `${JSON.stringify(what, null, 2)}\n`
      : `${out}: ${what.arm} seed ${what.seed}, step ${what.step}\n`,
  );
}

/** Writes the files of an adapter, and its card, into a folder. */
export async function writeRunAdapter(
  record: RunRecord,
  { weights, card }: RunAdapter,
  out: string,
): Promise<void> {
  const folder = await storeOf(record).openFolder(weights);
  await mkdir(out, { recursive: true });
  for (const file of await readdir(folder)) {
    await cp(join(folder, file), join(out, file));
    // The store's files are read-only; a copy belongs to whoever made it.
    await chmod(join(out, file), 0o644);
  }
  await writeFile(join(out, 'README.md'), renderModelCard(card));
}
