// The runs below a folder, one line each: what it is, how it went, what it takes on the disk.
import { existsSync } from 'node:fs';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Report } from '@overtone/report';
import { InputError } from '../input-error.ts';
import { readRun, type RunRecord } from './run-record.ts';

/** The arm that gained most on hard questions. */
export interface Headline {
  readonly arm: string;
  /** avg@k on hard questions. */
  readonly hard: number;
  /** The difference from the base model, with its 95 % interval. */
  readonly gain: number;
  readonly ci95: readonly [number, number];
}

/** A run in a list. */
export interface ListedRun extends Pick<RunRecord, 'path' | 'state'> {
  /** The experiment's name; the folder's where it cannot be read. */
  readonly name: string;
  readonly created: string;
  readonly updated: string;
  /** Wall-clock seconds over all sittings that have ended; null where no sitting has. */
  readonly seconds: number | null;
  /** Null before there is a report, and where no arm was trained. */
  readonly headline: Headline | null;
  /** Bytes on the disk; what is linked twice counts once. */
  readonly bytes: number;
}

/** Folders below the one that is searched, in which runs are looked for. */
const DEPTH = 3;

/**
 * Folders of the runs at or below a folder, in alphabetical order; not within runs.
 *
 * @throws InputError when there is no such folder.
 */
export async function findRuns(folder: string): Promise<string[]> {
  if (!existsSync(folder))
    throw new InputError(`${folder}: no such folder; name the one that your runs are in`);
  const found: string[] = [];
  const look = async (path: string, depth: number): Promise<void> => {
    if (existsSync(join(path, 'manifest.json'))) {
      found.push(path);
      return;
    }
    if (depth === 0) return;
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries)
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
        await look(join(path, entry.name), depth - 1);
  };
  await look(resolve(folder), DEPTH);
  return found.sort();
}

/** What a list says of a run. */
export async function listRun(record: RunRecord): Promise<ListedRun> {
  const { path, state, manifest, configuration, report } = record;
  const { created, updated } = manifest;
  return {
    path,
    name: nameOf(configuration) ?? path.split('/').at(-1) ?? path,
    state,
    created,
    updated,
    seconds: await secondsOf(record),
    headline: report === undefined ? null : headlineOf(report),
    bytes: await bytesBelow(path),
  };
}

/** As `listRun`, for a folder. @throws InputError */
export async function listRunAt(path: string): Promise<ListedRun> {
  return listRun(await readRun(path));
}

/** The arm with the largest gain on hard questions; null without arms. */
export function headlineOf({ arms }: Report): Headline | null {
  return arms.reduce<Headline | null>((best, { name, eval: { hard }, against }) => {
    const difference = against['base']?.hard;
    if (difference === undefined || (best !== null && best.gain >= difference.value)) return best;
    return { arm: name, hard: hard.avg, gain: difference.value, ci95: difference.ci95 };
  }, null);
}

/** Bytes of the files below a folder, on the disk; what is linked several times counts once. */
export async function bytesBelow(path: string, seen: Set<number> = new Set()): Promise<number> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries.map(async (entry) => {
      const place = join(path, entry.name);
      if (entry.isDirectory()) return bytesBelow(place, seen);
      try {
        const { ino, nlink, blocks } = await lstat(place);
        if (nlink > 1 && seen.has(ino)) return 0;
        seen.add(ino);
        return blocks * 512;
      } catch {
        // Gone meanwhile: the run is at work.
        return 0;
      }
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function nameOf(configuration: unknown): string | undefined {
  return typeof configuration === 'object' &&
    configuration !== null &&
    'name' in configuration &&
    typeof configuration.name === 'string'
    ? configuration.name
    : undefined;
}

/** From the spans of the run's sittings; where a run was traced elsewhere, from its beginning to its last change. */
async function secondsOf({ path, manifest, state }: RunRecord): Promise<number | null> {
  const trace = await readFile(join(path, 'traces', 'overtone.jsonl'), 'utf8').catch(() => '');
  const sittings = trace.split('\n').flatMap((line) => {
    if (!line.includes('"overtone.run"')) return [];
    const [, start, end] =
      /"startTimeUnixNano":"(\d+)","endTimeUnixNano":"(\d+)"/.exec(
        line.slice(line.indexOf('"overtone.run"')),
      ) ?? [];
    return start === undefined || end === undefined ? [] : [Number(BigInt(end) - BigInt(start)) / 1e9];
  });
  if (sittings.length > 0) return sittings.reduce((sum, seconds) => sum + seconds, 0);
  if (state === 'at work') return null;
  return (Date.parse(manifest.updated) - Date.parse(manifest.created)) / 1000;
}
