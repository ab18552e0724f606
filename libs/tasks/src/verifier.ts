// A verifier: what decides whether a solution is correct. The one of this room, or a function of one's own in a module.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Verification } from './answer.ts';
import type { Problem } from './problem.ts';
import { verify, VERIFIER_VERSION } from './verify.ts';

/** Decides whether a solution's text solves a problem; may be asynchronous. */
export type Verify = (problem: Problem, text: string) => Verification | Promise<Verification>;

/** A function that verifies, and what stands for it in keys. */
export interface Verifier {
  readonly verify: Verify;
  /** Changes whenever verdicts may change. */
  readonly identity: string;
  /** SHA-256 of the module's source; "" for the built-in verifier. */
  readonly sha256: string;
}

/** The verifier of this room. */
export const builtInVerifier: Verifier = { verify, identity: VERIFIER_VERSION, sha256: '' };

/**
 * Loads a verifier of one's own: a module (.ts with erasable types, .js, .mjs) that exports
 * `verify(problem, text) => { correct, answered, answer? }`, or a promise of that. Its identity is the hash of the file
 * itself: a change in a module that it imports is not noticed.
 *
 * The module runs with all rights of this process.
 *
 * @throws Error that names the file when it cannot be loaded, or does not export `verify`. The loaded function throws
 *   one that names the problem too, when the module's throws or returns something else.
 */
export async function loadVerifier(path: string): Promise<Verifier> {
  const file = resolve(path);
  const source = await readFile(file).catch((error: unknown) => {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new Error(`verifier ${file}: ${missing ? 'no such file' : message(error)}`, { cause: error });
  });
  const sha256 = createHash('sha256').update(source).digest('hex');
  let module: unknown;
  try {
    // By its hash, so that a process that loads it again after a change gets the change.
    module = await import(/* @vite-ignore */ `${pathToFileURL(file).href}?sha256=${sha256}`);
  } catch (error) {
    throw new Error(`verifier ${file}: cannot be loaded: ${message(error)}`, { cause: error });
  }
  const exported =
    typeof module === 'object' && module !== null && 'verify' in module ? module.verify : undefined;
  if (typeof exported !== 'function') {
    const names = Object.keys(module ?? {}).join(', ') || 'nothing';
    throw new Error(
      `verifier ${file}: must export a function "verify(problem, text)" that returns { correct, answered }; it exports ${names}`,
    );
  }
  const verifyWith: Verify = async (problem, text) => {
    const where = `verifier ${file}: problem ${JSON.stringify(problem.id)}`;
    let result: unknown;
    try {
      // A copy, so that it cannot change the problem for those who come after it.
      result = await Reflect.apply(exported, undefined, [{ ...problem }, text]);
    } catch (error) {
      throw new Error(`${where}: ${message(error)}`, { cause: error });
    }
    return parseVerification(result, where);
  };
  return { verify: verifyWith, identity: `module ${sha256}`, sha256 };
}

function parseVerification(value: unknown, where: string): Verification {
  if (typeof value === 'object' && value !== null && 'correct' in value && 'answered' in value) {
    const { correct, answered } = value;
    const answer = 'answer' in value ? value.answer : undefined;
    if (typeof correct === 'boolean' && typeof answered === 'boolean') {
      return { correct, answered, ...(typeof answer === 'string' ? { answer } : {}) };
    }
  }
  throw new Error(
    `${where}: verify must return { correct: boolean, answered: boolean }, but returned ${JSON.stringify(value)?.slice(0, 80)}`,
  );
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
