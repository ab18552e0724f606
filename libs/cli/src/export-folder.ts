// The folder that an export writes: empty, or meant.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { InputError } from '@overtone/experiment/prepare';

/** @throws InputError when `out` is a file, or holds something and `force` is not given. */
export function checkExportFolder(out: string, force: boolean): void {
  if (existsSync(out) && !statSync(out).isDirectory())
    throw new InputError(`${out} is a file; give a folder with --out`);
  if (existsSync(out) && readdirSync(out).length > 0 && !force)
    throw new InputError(`${out} is not empty; give another --out, or --force to write into it`);
}
