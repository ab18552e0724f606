import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtInVerifier, loadVerifier } from './verifier.ts';

const folder = mkdtempSync(join(tmpdir(), 'overtone-verifier-'));
const problem = { id: 'p', question: 'Name a colour', answer: 'red, green', difficulty: '' };

function module(name: string, source: string): string {
  writeFileSync(join(folder, name), source);
  return join(folder, name);
}

describe('loadVerifier', () => {
  it.each([
    [
      'plain.ts',
      `import type { X } from './no-such-types.ts';
       export function verify(problem: { answer: string }, text: string) {
         return { correct: problem.answer.split(', ').includes(text), answered: text !== '', answer: text };
       }`,
    ],
    [
      'later.mjs',
      `export const verify = async ({ answer }, text) => ({ correct: answer.split(', ').includes(text), answered: text !== '', answer: text });`,
    ],
  ])('verifies with the function of %s', async (name, source) => {
    const { verify } = await loadVerifier(module(name, source));
    expect(await verify(problem, 'green')).toEqual({ correct: true, answered: true, answer: 'green' });
    expect(await verify(problem, '')).toMatchObject({ correct: false, answered: false });
  });

  it('has an identity that follows the source', async () => {
    const source = 'export const verify = () => ({ correct: true, answered: true });';
    const first = await loadVerifier(module('same.mjs', source));
    expect((await loadVerifier(module('copy.mjs', source))).identity).toBe(first.identity);
    const changed = await loadVerifier(module('same.mjs', source.replace('true', 'false')));
    expect(changed.identity).not.toBe(first.identity);
    expect((await changed.verify(problem, '')).correct).toBe(false);
    expect(new Set([first.identity, builtInVerifier.identity]).size).toBe(2);
  });

  it.each([
    ['none.ts', undefined, /none\.ts: no such file/],
    ['broken.ts', 'export function (', /broken\.ts: cannot be loaded: /],
    ['throws.mjs', 'throw new Error("no network");', /throws\.mjs: cannot be loaded: no network/],
    [
      'other.mjs',
      'export const check = 1;',
      /other\.mjs: must export a function "verify.*; it exports check/,
    ],
    ['value.mjs', 'export const verify = 1;', /value\.mjs: must export a function/],
  ])('refuses %s', async (name, source, message) => {
    const path = source === undefined ? join(folder, name) : module(name, source);
    await expect(loadVerifier(path)).rejects.toThrow(message);
  });

  it.each([
    [
      'boolean.mjs',
      'export const verify = () => true;',
      /problem "p": verify must return .* but returned true/,
    ],
    [
      'half.mjs',
      'export const verify = () => ({ correct: 1, answered: true });',
      /but returned \{"correct":1/,
    ],
    [
      'fails.mjs',
      'export const verify = () => { throw new Error("oops"); };',
      /fails\.mjs: problem "p": oops/,
    ],
  ])('says what %s did wrong', async (name, source, message) => {
    const { verify } = await loadVerifier(module(name, source));
    await expect(verify(problem, 'x')).rejects.toThrow(message);
  });
});
