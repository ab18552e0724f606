// The run folder: configuration, manifest, artifacts, traces, logs, report. Everything that a run leaves behind.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { FolderInUse, FolderLock } from '@overtone/artifacts';
import type { Experiment } from './config/load.ts';
import { isDiskFull } from './full-disk.ts';
import { InputError } from './input-error.ts';
import { EVENTS_FILE, PROGRESS_FILE } from './progress-files.ts';

const result = z.strictObject({
  stage: z.string(),
  label: z.string(),
  /** Hash of everything that determines the result. */
  key: z.string(),
  sha256: z.string(),
  mediaType: z.string(),
});

const manifestSchema = z.strictObject({
  /** Version of Overtone that wrote the manifest last. */
  overtone: z.string(),
  node: z.string(),
  /** SHA-256 of config.yaml. */
  configuration: z.string(),
  state: z.enum(['running', 'interrupted', 'failed', 'done']),
  created: z.iso.datetime(),
  updated: z.iso.datetime(),
  seeds: z.record(z.string(), z.union([z.number(), z.array(z.number())])),
  /** Where the artifacts lie. */
  artifacts: z.string(),
  /** Seconds at work, by stage, over all sittings. */
  timings: z.record(z.string(), z.number()),
  /** Every result with its key and its artifact. */
  results: z.array(result),
});

/** What a run was and what it made. */
export type Manifest = z.infer<typeof manifestSchema>;

const VERSION = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))).version;

/** A run folder that is ready to be worked in. */
export class RunFolder {
  /** Absolute path. */
  readonly path: string;
  /** URI of the artifact store. */
  readonly artifacts: string;
  /** Seconds that earlier sittings were at work, by stage. */
  readonly earlierTimings: Readonly<Record<string, number>>;
  /** SHA-256 of config.yaml. */
  readonly configuration: string;
  /** Whether an earlier run had begun here. */
  readonly resumed: boolean;
  /** Aborted when another run has taken the folder over: nothing is written any more. */
  readonly lost: AbortSignal;
  readonly #existed: boolean;
  readonly #lock: FolderLock;
  readonly #results = new Map<string, z.infer<typeof result>>();
  #manifest: Manifest;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    path: string,
    experiment: Experiment,
    opened: { configuration: string; hash: string; earlier: Manifest | undefined; existed: boolean },
    { lock, lost }: { lock: FolderLock; lost: AbortSignal },
  ) {
    const { configuration, hash, earlier, existed } = opened;
    this.path = path;
    this.configuration = hash;
    this.lost = lost;
    this.#existed = existed;
    this.#lock = lock;
    this.resumed = earlier !== undefined;
    this.artifacts = experiment.services.artifacts ?? `file://${join(this.path, 'artifacts')}`;
    const same = earlier?.configuration === hash;
    this.earlierTimings = same ? earlier.timings : {};
    const now = new Date().toISOString();
    this.#manifest = {
      overtone: VERSION,
      node: process.version,
      configuration: hash,
      state: 'running',
      created: same ? earlier.created : now,
      updated: now,
      seeds: seedsOf(experiment),
      artifacts: this.artifacts,
      timings: { ...this.earlierTimings },
      results: [],
    };
    for (const folder of ['traces', 'logs', 'state']) mkdirSync(this.at(folder), { recursive: true });
    writeAtomically(this.at('config.yaml'), configuration);
    this.save();
  }

  /**
   * Opens or creates the folder for an experiment.
   *
   * @param force take the folder over from a run with another configuration; results that both share are kept.
   * @throws InputError when the folder holds another experiment's run, something that is no run, or a run that is at work.
   */
  static async open(
    path: string,
    experiment: Experiment,
    { force = false }: { force?: boolean } = {},
  ): Promise<RunFolder> {
    const folder = resolve(path);
    const configuration = stringify(experiment);
    const hash = createHash('sha256').update(configuration).digest('hex');
    checkRunFolder(folder, hash, force);
    const existed = existsSync(folder) && readdirSync(folder).length > 0;
    const losing = new AbortController();
    // Two runs in one folder would train the same jobs twice, into the same files.
    const lock = await FolderLock.take(join(folder, LOCK), { onLost: (error) => losing.abort(error) }).catch(
      (error: unknown) => {
        throw error instanceof FolderInUse ? new InputError(error.message, { cause: error }) : error;
      },
    );
    try {
      // Again: until now, another run may have been at work.
      const earlier = checkRunFolder(folder, hash, force);
      const opened = { configuration, hash, earlier, existed };
      return new RunFolder(folder, experiment, opened, { lock, lost: losing.signal });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** The path of a file in the folder. */
  at(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Names the run, over all of its sittings, wherever the folder is moved. */
  runId(): string {
    const path = this.at('state', 'run-id');
    if (!existsSync(path)) writeAtomically(path, `${randomBytes(8).toString('hex')}\n`);
    return readFileSync(path, 'utf8').trim();
  }

  /** Notes a result; the manifest is written within a second. */
  record(stage: string, label: string, key: string, ref: { sha256: string; mediaType: string }): void {
    this.#results.set(key, { stage, label, key, sha256: ref.sha256, mediaType: ref.mediaType });
    this.#timer ??= setTimeout(() => this.#saveSoon(), 1000).unref();
  }

  /** Writes a file so that it is there whole or not at all. */
  write(name: string, content: string): void {
    writeAtomically(this.at(name), content);
  }

  /** Closes the manifest. */
  finish(state: Manifest['state'], timings: Record<string, number>): void {
    this.#manifest = { ...this.#manifest, state, timings };
    this.save();
    this.#lock.release();
  }

  /**
   * Removes a folder that was created for a run that was refused: one that did not exist before, and in which nothing was
   * made beyond samples, of which a changed experiment has no use.
   */
  discard(): void {
    clearTimeout(this.#timer);
    this.#lock.release();
    const worthless = [...this.#results.values()].every(({ stage }) => stage === 'sample');
    if (!this.#existed && worthless) rmSync(this.path, { recursive: true, force: true });
  }

  /** Writes the manifest; what there is no room for now is written with a later result, or at the end. */
  #saveSoon(): void {
    try {
      this.save();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  /** Writes the manifest as it is by now. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.lost.aborted) return;
    const results = [...this.#results.values()];
    this.#manifest = { ...this.#manifest, updated: new Date().toISOString(), results };
    this.write('manifest.json', `${JSON.stringify(this.#manifest, null, 2)}\n`);
  }
}

/**
 * Checks that a run may work in a folder, without writing anything.
 *
 * @returns the manifest of an earlier run with the same configuration, undefined where there is none.
 */
function checkRunFolder(path: string, hash: string, force: boolean): Manifest | undefined {
  if (!existsSync(path)) return undefined;
  const files = readdirSync(path);
  if (files.length === 0) return undefined;
  const manifest = readManifest(path);
  if (manifest === undefined) {
    if (files.every((file) => OWN.has(file) || file.startsWith(LOCK))) return undefined;
    throw new InputError(`${path} is not empty and holds no run; give another --out`);
  }
  if (manifest.configuration !== hash && !force)
    throw new InputError(
      `${path} holds a run of another configuration (see its config.yaml); give another --out, or --force to replace that run and keep the results that both share`,
    );
  return manifest;
}

/** Names the run that is at work. */
export const LOCK = 'run.lock';

/** What a run that was killed before its first manifest may have left. */
const OWN = new Set([
  'config.yaml',
  LOCK,
  'traces',
  'logs',
  'state',
  'artifacts',
  PROGRESS_FILE,
  EVENTS_FILE,
]);

/** The manifest of the run in a folder; undefined where there is none. */
export function readManifest(path: string): Manifest | undefined {
  const file = join(path, 'manifest.json');
  if (!existsSync(file)) return undefined;
  const parsed = manifestSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new InputError(`${file} is not a manifest of this version; give another --out`);
  return parsed.data;
}

function seedsOf({ task, sampling, evaluation, seeds }: Experiment): Manifest['seeds'] {
  const splits: Record<string, number> = {};
  for (const name of ['train', 'development', 'easy', 'hard'] as const) {
    const split = task[name];
    if (split?.seed !== undefined) splits[`task.${name}`] = split.seed;
  }
  return { ...splits, sampling: sampling.seed, evaluation: evaluation.seed, training: seeds };
}

function writeAtomically(path: string, content: string): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
