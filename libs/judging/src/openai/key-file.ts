// A key in a file, as secrets are mounted.
import { readFileSync } from 'node:fs';

/** The key that a file holds, without white space around it. @throws Error when it cannot be read or is empty. */
export function keyFromFile(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`no key in ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  const key = text.trim();
  if (key === '') throw new Error(`no key in ${path}: the file is empty`);
  return key;
}
