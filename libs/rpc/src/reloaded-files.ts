// Files that may change while the process runs (mounted secrets, rotated certificates), and what was read from them last. What
// cannot be used, because it is half written or does not fit together, never replaces what could.
import { createHash } from 'node:crypto';
import { logger } from '@overtone/telemetry';
import { numberFromEnvironment } from './environment-number.ts';

/** How to read some files. */
export interface FilesToReload<Value> {
  /** What they are, in the plural, for the log: "the certificates of judge". */
  readonly what: string;
  /** Reads the files: their contents by name. Throws when one is missing. */
  readonly load: () => ReadonlyMap<string, Buffer>;
  /** Understands them. Throws when they cannot be used. */
  readonly parse: (contents: ReadonlyMap<string, Buffer>) => Value;
}

const RELOAD_MS = 5000;

/** How often files are looked at again, in milliseconds. Env OVERTONE_RELOAD_MS, default 5000. */
export function reloadInterval(env: NodeJS.ProcessEnv = process.env): number {
  return numberFromEnvironment(env, 'OVERTONE_RELOAD_MS', { least: 1, unit: 'milliseconds' }) ?? RELOAD_MS;
}

/** The newest usable content of some files. */
export class ReloadedFiles<Value> {
  readonly #files: FilesToReload<Value>;
  readonly #intervalMs = reloadInterval();
  #value: Value;
  #digest: string;
  #looked = performance.now();
  #complaint = '';

  /** Throws when the files cannot be read or used now. */
  constructor(files: FilesToReload<Value>) {
    this.#files = files;
    const contents = files.load();
    this.#digest = digest(contents);
    this.#value = files.parse(contents);
  }

  /** The value; the files are looked at again when the last look is longer ago than the interval. */
  get current(): Value {
    if (performance.now() - this.#looked >= this.#intervalMs) this.refresh();
    return this.#value;
  }

  /** Looks at the files now. Returns whether there is a new value. */
  refresh(): boolean {
    const { what, load, parse } = this.#files;
    this.#looked = performance.now();
    try {
      const contents = load();
      const seen = digest(contents);
      if (seen === this.#digest) return false;
      this.#value = parse(contents);
      this.#digest = seen;
    } catch (error) {
      const complaint = error instanceof Error ? error.message : String(error);
      if (complaint !== this.#complaint)
        logger('rpc').warn(`${what} changed but cannot be used: the ones before stay in force`, {
          reason: complaint,
        });
      this.#complaint = complaint;
      return false;
    }
    this.#complaint = '';
    logger('rpc').info(`${what} changed and are in force`);
    return true;
  }
}

function digest(contents: ReadonlyMap<string, Buffer>): string {
  const hash = createHash('sha256');
  for (const [name, content] of contents) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest('base64');
}
