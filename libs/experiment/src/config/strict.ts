// Strict objects: an unknown key is an error that names the nearest valid one.
import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';

/** The nearest of `candidates` to `word`, where it is near enough to be a slip of the pen. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const best = closest(word.toLowerCase(), [...candidates]);
  const byFoldedCase = candidates.find((candidate) => candidate.toLowerCase() === word.toLowerCase());
  if (byFoldedCase !== undefined) return byFoldedCase;
  return distance(word.toLowerCase(), best.toLowerCase()) <= Math.max(2, Math.ceil(word.length / 2))
    ? best
    : undefined;
}

/** A sentence that says which key is unknown and which one was probably meant. */
export function unknownName(kind: string, word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates);
  const valid = candidates.length === 0 ? 'there are none' : `valid: ${candidates.join(', ')}`;
  return `unknown ${kind} "${word}"${near === undefined ? '' : `, did you mean "${near}"?`} (${valid})`;
}

/** A zod object that refuses unknown keys by name. */
export function object<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? unknownName('key', String(issue.keys[0]), Object.keys(shape))
        : undefined,
  });
}
