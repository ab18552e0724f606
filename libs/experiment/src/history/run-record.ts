// A run as its folder tells it: manifest, configuration, report. Nothing is written.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { FolderLock } from '@overtone/artifacts';
import { parseReport, type Report } from '@overtone/report';
import { parse } from 'yaml';
import { z } from 'zod';
import { task } from '../config/task-schema.ts';
import type { Task } from '../config/schema.ts';
import { InputError, oneLine } from '../input-error.ts';
import { type Manifest, readManifest } from '../run-folder.ts';

/** What a run is up to: "killed" is one that neither ended nor is at work. */
export type RunState = 'at work' | 'done' | 'interrupted' | 'failed' | 'killed';

/** What a run folder holds, besides the artifacts. */
export interface RunRecord {
  /** Absolute path. */
  readonly path: string;
  readonly manifest: Manifest;
  readonly state: RunState;
  /** config.yaml as plain values; undefined where it cannot be read. */
  readonly configuration: unknown;
  /** Undefined before the run is done. */
  readonly report: Report | undefined;
}

/**
 * Reads a run folder.
 *
 * @throws InputError when the folder holds no run, or one that this version cannot read.
 */
export async function readRun(path: string): Promise<RunRecord> {
  const folder = resolve(path);
  const manifest = manifestOf(folder, path);
  const state = await stateOf(folder, manifest);
  const report = join(folder, 'report.json');
  return {
    path: folder,
    manifest,
    state,
    configuration: configurationOf(folder),
    // What a run that began anew has left of an older one is no report of it.
    report: state === 'done' && existsSync(report) ? reportOf(report) : undefined,
  };
}

/** The manifest of a folder. @throws InputError where there is none */
function manifestOf(folder: string, named: string): Manifest {
  if (!existsSync(folder)) throw new InputError(`${named}: no such folder; "overtone runs" lists runs`);
  let manifest: Manifest | undefined;
  try {
    manifest = readManifest(folder);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${join(named, 'manifest.json')}: ${reasonOf(error)}`, { cause: error });
  }
  if (manifest === undefined)
    throw new InputError(`${named} holds no run: there is no manifest.json; "overtone runs" lists runs`);
  return manifest;
}

async function stateOf(folder: string, { state }: Manifest): Promise<RunState> {
  if (await FolderLock.isHeld(join(folder, 'run.lock'))) return 'at work';
  return state === 'running' ? 'killed' : state;
}

function configurationOf(folder: string): unknown {
  try {
    return parse(readFileSync(join(folder, 'config.yaml'), 'utf8'));
  } catch {
    return undefined;
  }
}

function reportOf(path: string): Report {
  try {
    return parseReport(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new InputError(`${path}: ${reasonOf(error)}`, { cause: error });
  }
}

const reasonOf = (error: unknown): string => oneLine(error instanceof Error ? error.message : String(error));

/** The task of a run's configuration; undefined where it cannot be read. */
export function taskOfRun({ configuration }: RunRecord): Task | undefined {
  const parsed = z.object({ task }).safeParse(configuration);
  return parsed.success ? parsed.data.task : undefined;
}
