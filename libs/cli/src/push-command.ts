// `overtone push`: an adapter, the results or the report of a run to the hub.
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRun, type RunRecord } from '@overtone/experiment/history';
import { InputError } from '@overtone/experiment/prepare';
import {
  hubPage,
  ModelError,
  type UploadFile,
  uploadToHub,
  type UploadOptions,
} from '@overtone/language-model';
import { hubSettings } from '@overtone/language-model/hub-settings';
import { stringify } from 'yaml';
import { writeRunAdapter } from './export-adapter.ts';
import { writeResults } from './export-results.ts';
import { formatBytes } from './format-bytes.ts';
import { runAdapter } from './run-adapter.ts';

/** What of a run can be uploaded. */
export const PUSHED = ['adapter', 'dataset', 'report'] as const;

/** Options of `overtone push`. */
export interface PushFlags {
  readonly repo: string;
  readonly what: (typeof PUSHED)[number];
  readonly arm?: string;
  readonly seed?: number;
  readonly private: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

const TYPES: Readonly<Record<PushFlags['what'], UploadOptions['type']>> = {
  adapter: 'model',
  dataset: 'dataset',
  // A static space: the hub shows the page.
  report: 'space',
};

/**
 * Says what would be uploaded, and uploads it unless `dryRun`.
 *
 * @throws InputError when the run does not hold it, there is no token, or the hub refuses.
 */
export async function pushCommand(path: string, flags: PushFlags, signal: AbortSignal): Promise<void> {
  const { repo, what, dryRun, json } = flags;
  if (!/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(repo))
    throw new InputError(`--repo: "${repo}" is no repository; give owner/name`);
  if (what !== 'adapter' && (flags.arm !== undefined || flags.seed !== undefined))
    throw new InputError(`--arm and --seed choose an adapter; leave them away with --what ${what}`);
  const record = await readRun(path);
  const folder = mkdtempSync(join(tmpdir(), 'overtone-push-'));
  try {
    const title = await gather(record, flags, folder, signal);
    const files = readdirSync(folder)
      .sort()
      .map((name): UploadFile => ({
        name,
        path: join(folder, name),
        size: statSync(join(folder, name)).size,
      }));
    const type = TYPES[what];
    const url = hubPage({ repository: repo, type }, hubSettings(process.env).endpoint);
    const plan = { repository: repo, type, url, files: files.map(({ name, size }) => ({ name, size })) };
    if (dryRun && json) {
      process.stdout.write(`${JSON.stringify({ ...plan, dryRun }, null, 2)}\n`);
      return;
    }
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const says = dryRun ? process.stdout : process.stderr;
    says.write(`${url}${flags.private ? ' (private where it is created)' : ''}\n`);
    for (const { name, size } of files) says.write(`  ${name.padEnd(28)} ${formatBytes(size).padStart(9)}\n`);
    says.write(`  ${'together'.padEnd(28)} ${formatBytes(total).padStart(9)}\n`);
    if (dryRun) return;
    const told = new Set<string>();
    const result = await uploadToHub({
      repository: repo,
      type,
      files,
      title,
      private: flags.private,
      signal,
      onProgress: (name, progress) => {
        if (progress < 1 || told.has(name)) return;
        told.add(name);
        process.stderr.write(`uploaded ${name}\n`);
      },
    });
    const { uploaded, commit } = result;
    process.stdout.write(
      json
        ? `${JSON.stringify({ ...plan, ...result }, null, 2)}\n`
        : commit === undefined
          ? `${url}: has all of it already\n`
          : `${url}: ${uploaded.length} of ${files.length} files uploaded, commit ${commit.slice(0, 12)}\n`,
    );
  } catch (error) {
    // Somebody who has no token, or one that may not write, can put that right.
    throw error instanceof ModelError ? new InputError(error.message, { cause: error }) : error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts the files into `folder`. @returns the line of the commit */
async function gather(
  record: RunRecord,
  flags: PushFlags,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  switch (flags.what) {
    case 'adapter': {
      const adapter = await runAdapter(record, flags.arm, flags.seed);
      await writeRunAdapter(record, adapter, folder);
      return `Adapter of ${adapter.arm}, seed ${adapter.seed}, step ${adapter.step}`;
    }
    case 'dataset':
      await writeResults(record, 'parquet', folder, signal);
      return 'Results of a run of Overtone';
    case 'report':
      gatherReport(record, folder);
      return 'Report of a run of Overtone';
  }
}

function gatherReport({ path, state, report }: RunRecord, folder: string): void {
  const files = ['report.html', 'report.json'];
  const absent = files.find((name) => !existsSync(join(path, name)));
  if (report === undefined || absent !== undefined)
    throw new InputError(
      `${path} has no ${absent ?? 'report'} (state: ${state}): continue the run, or make the page anew with "overtone report"`,
    );
  for (const name of files) copyFileSync(join(path, name), join(folder, name));
  const head = {
    title: report.name,
    sdk: 'static',
    app_file: 'report.html',
    pinned: false,
    tags: ['overtone'],
  };
  const text = `# ${report.name}\n\nThe report of a run of Overtone: \`report.html\`, and its numbers, \`report.json\`.\n`;
  writeFileSync(join(folder, 'README.md'), `---\n${stringify(head)}---\n\n${text}`);
}
