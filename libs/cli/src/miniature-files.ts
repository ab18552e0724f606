// Where a miniature is built: a workshop beside the model folder, which goes away when the model is there.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { InputError } from '@overtone/experiment/prepare';

/**
 * Makes the workshop for building a model into `out`. A build that was interrupted finds what it has left there.
 *
 * @returns the workshop's absolute path.
 * @throws InputError when `out` already holds something, or the size makes no sense.
 */
export function prepareBuild({ out, width }: { out: string; width?: number }): string {
  const folder = resolve(out);
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new InputError(`${folder} is not empty; give another --out, or remove it first`);
  if (width !== undefined && width % 32 !== 0)
    throw new InputError(`--width: expected a multiple of 32 (the size of an attention head), got ${width}`);
  const workshop = `${folder}.build`;
  mkdirSync(workshop, { recursive: true });
  return workshop;
}

/** Removes a workshop. */
export function clearWorkshop(workshop: string): void {
  rmSync(workshop, { recursive: true, force: true });
}
