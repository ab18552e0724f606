// Folders of artifacts on the local disk: their files as hard links to local objects, in folders/ab/abcdef…/, made once.
import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, link, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import type { ManifestFile } from './manifest.ts';
import { isNotFound, type ObjectFolder, type StoredObject } from './object-folder.ts';
import { objectName } from './reference.ts';

/** Where a folder lies, or would. */
export function sharedFolderPath(objects: ObjectFolder, sha256: string): string {
  return join(objects.root, objectName(sha256).replace('objects', 'folders'));
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Makes a folder out of files; it is there whole or not at all. @param open a verified local file with a file's bytes. */
export async function makeSharedFolder(
  objects: ObjectFolder,
  sha256: string,
  { files, open }: { files: readonly ManifestFile[]; open: (file: ManifestFile) => Promise<string> },
): Promise<string> {
  const final = sharedFolderPath(objects, sha256);
  const temporary = join(objects.temporary, randomUUID());
  try {
    for (const file of files) {
      const object = await open(file);
      const target = join(temporary, file.path);
      await mkdir(dirname(target), { recursive: true });
      // Some network volumes have no hard links. Where two names are one to the file system, the second is refused.
      await link(object, target).catch(() => copyFile(object, target, constants.COPYFILE_EXCL));
    }
    await mkdir(dirname(final), { recursive: true });
    await rename(temporary, final).catch(async (error: unknown) => {
      // Another process was faster; its folder holds the same files.
      if (!(await exists(final))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return final;
}

/** Stores a folder's files one by one. @throws Error for links, and for a folder without files */
export async function storeFiles(
  folder: string,
  store: (pieces: AsyncIterable<Uint8Array>) => Promise<StoredObject>,
): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile())
      throw new Error(`${path} is neither a file nor a folder: an artifact cannot hold links`);
    const { sha256, size } = await store(createReadStream(path, { highWaterMark: 256 * 1024 }));
    files.push({ path: relative(folder, path).split(sep).join('/'), sha256, size });
  }
  if (files.length === 0) throw new Error(`${folder} has no files: an artifact of it would hold nothing`);
  return files;
}
