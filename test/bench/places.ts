// Where the benchmark finds and keeps things.
import { fileURLToPath } from 'node:url';

/** A path in this folder. */
export const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** A path in the folder of what was fetched and made, which is not part of the repository. */
export const cached = (path: string): string => here(`../../.cache/overtone/${path}`);
