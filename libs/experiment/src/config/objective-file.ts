// An objective on its own, for training without an experiment: a YAML file with the keys of one of `objectives`, settings, or both.
import { readFileSync } from 'node:fs';
import { parse, YAMLError } from 'yaml';
import { z } from 'zod';
import { InputError, oneLine } from '../input-error.ts';
import { firstIssue, keyPath, lowerFirst } from './load.ts';
import { type Objective, objective as objectiveSchema } from './schema.ts';
import { missing } from './strict.ts';

/** A key, with dots, and its value in YAML: ['optimizer.learningRate', '1e-4']. */
export type Setting = readonly [key: string, value: string];

const mapping = z.record(z.string(), z.unknown());

/**
 * An objective from a file and settings, which go before the file. Keys are those of the experiment file.
 *
 * @param file YAML; undefined: settings alone.
 * @throws InputError naming the file and the key.
 */
export function loadObjective(file: string | undefined, settings: readonly Setting[]): Objective {
  const where = file ?? 'objective';
  const fail = (message: string): never => {
    throw new InputError(`${where}: ${message}`);
  };
  const read = (text: string): unknown => {
    try {
      return parse(text);
    } catch (error) {
      return error instanceof YAMLError ? fail(oneLine(error.message)) : fail(String(error));
    }
  };
  const asMapping = (value: unknown): Record<string, unknown> =>
    mapping.safeParse(value).data ?? fail('must be a mapping of keys to values');
  let root: Record<string, unknown> = {};
  if (file !== undefined) {
    let text = '';
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const gone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      fail(gone ? 'no such file' : String(error));
    }
    root = asMapping(read(text) ?? {});
  }
  for (const [key, value] of settings) {
    const names = key.split('.');
    const last = names.pop() ?? '';
    let at = root;
    for (const name of names) {
      const inner = { ...asMapping(at[name] ?? {}) };
      at[name] = inner;
      at = inner;
    }
    at[last] = read(value);
  }
  const parsed = objectiveSchema.safeParse(root, { error: missing });
  if (parsed.success) return parsed.data;
  const issue = firstIssue(parsed.error.issues);
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
  return fail(`${keyPath(path)}${oneLine(lowerFirst(issue.message))}`);
}
