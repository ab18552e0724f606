// Files that appear complete or not at all: written beside their final place, flushed to disk, then renamed.
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Calls `write` with a new temporary file in `folder`, then renames it to the path that `write` returns (undefined discards it).
 * The path must be in the same file system; its folder is made. Files get `mode`. With `durable`, the rename survives a power failure.
 */
export async function writeAtomically(
  folder: string,
  { mode, durable }: { readonly mode: number; readonly durable: boolean },
  write: (file: FileHandle) => Promise<string | undefined>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${process.pid}-${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o600);
    let path: string | undefined;
    try {
      path = await write(file);
      if (path !== undefined) {
        await file.chmod(mode);
        if (durable) await file.sync();
      }
    } finally {
      await file.close();
    }
    if (path === undefined) return;
    await mkdir(dirname(path), { recursive: true });
    await rename(temporary, path);
    if (durable) await syncFolder(dirname(path));
  } finally {
    await rm(temporary, { force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder, and needs no flush of it.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
