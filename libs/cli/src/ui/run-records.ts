// Records of runs, read again only when one of their files has changed: pages ask every second, and a report takes a while to parse.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FolderLock } from '@overtone/artifacts';
import { readRun, type RunRecord } from '@overtone/experiment/history';

const FILES = ['manifest.json', 'config.yaml', 'report.json'];

/** What was read last of each folder. */
export class RunRecords {
  readonly #known = new Map<string, { readonly stamp: string; readonly record: RunRecord }>();

  /** The record of a run folder. @throws InputError when it holds no run */
  async read(path: string): Promise<RunRecord> {
    const stamp = await stampOf(path);
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.record;
    const record = await readRun(path);
    this.#known.set(path, { stamp, record });
    return record;
  }
}

/** Changes with the files, and with whether a process is at work. */
async function stampOf(path: string): Promise<string> {
  const files = await Promise.all(FILES.map((name) => stat(join(path, name)).catch(() => undefined)));
  const held = await FolderLock.isHeld(join(path, 'run.lock'));
  return JSON.stringify([held, ...files.map((file) => [file?.ino, file?.mtimeMs, file?.size])]);
}
