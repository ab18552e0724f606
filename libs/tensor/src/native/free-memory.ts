// Memory that was freed and that the allocator keeps. glibc gives back the end of an arena alone: what lies between two pieces that are
// in use stays resident, and a process that frees large pieces in another order than it took them grows for hours.
import koffi from 'koffi';

type Trim = (padding: number) => unknown;

/** `malloc_trim`, which glibc alone has. */
function findTrim(): Trim | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    return koffi.load('libc.so.6').func('malloc_trim', 'int', ['size_t']);
  } catch {
    return undefined;
  }
}

let trim: Trim | undefined | null = null;

/**
 * Gives memory that was freed back to the system; takes milliseconds, in which other threads wait for the allocator.
 *
 * @returns Whether this system has such a thing.
 */
export function returnFreeMemory(): boolean {
  if (trim === null) trim = findTrim();
  trim?.(0);
  return trim !== undefined;
}
