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

/** What a missing value is called in every error. */
export const missing: z.core.$ZodErrorMap = (issue) =>
  issue.code === 'invalid_type' && issue.input === undefined ? 'is missing' : undefined;

/** One of two objects: the second where a value has one of its `marks`, else the first. Errors are those of the one. */
export function oneOf<First, Second>(
  first: z.ZodType<First>,
  second: z.ZodType<Second>,
  marks: readonly string[],
): z.ZodType<First | Second> {
  return z.unknown().transform((value, context): First | Second => {
    const isSecond = typeof value === 'object' && value !== null && marks.some((mark) => mark in value);
    const parsed = (isSecond ? second : first).safeParse(value, { error: missing });
    if (parsed.success) return parsed.data;
    // Only its text matters: which of the two objects is meant has been decided here.
    for (const { path, message, ...issue } of parsed.error.issues)
      context.addIssue(
        issue.code === 'unrecognized_keys'
          ? { code: issue.code, keys: issue.keys, path, message, input: undefined }
          : { code: 'custom', path, message },
      );
    return z.NEVER;
  });
}
