// A small disk: a file system in memory that can be filled, and emptied again.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A small disk. */
export class Disk {
  readonly path: string;

  /** Mounts it. @param size For example "24m". */
  constructor(path: string, size: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  }

  /** Leaves room for not a single byte. */
  fill(): void {
    const file = openSync(this.#ballast, 'w');
    try {
      for (let size = 1 << 20; size >= 1; size >>= 1) {
        const zeros = Buffer.alloc(size);
        try {
          while (writeSync(file, zeros) === size);
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  /** Makes room again. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Unmounts it, also while somebody still has files open there. */
  remove(): void {
    execFileSync('umount', ['--lazy', this.path]);
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}
