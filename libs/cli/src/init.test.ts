import { parseExperiment } from '@overtone/experiment/prepare';
import { experimentSchema } from '@overtone/experiment/schema';
import { describe, expect, it } from 'vitest';
import { experimentTemplate, TASK_KINDS } from './init-template.ts';

const source = { file: 'experiment.yaml', folder: process.cwd() };
const load = (text: string) => parseExperiment(text, source);
const template = (task: (typeof TASK_KINDS)[number]) =>
  experimentTemplate({ name: 'mine', task, model: 'owner/name' });

/** A commented key: how far in it stands, and what comes after the sign. */
const COMMENTED = /^( *)# ?( *(?:[\w-]+: ?.*|- \{.*|\{ .*))$/;
/** Lines with words in them: they explain, and hold no key. */
const EXPLAINS =
  /^\s*# {2,}overtone |^ *# [A-Z]|^#   (plan|maxPairs|budget|patienceSeconds|backend|entropy):|^ {2}# (of each|Or with|seed; )|^ {2}# {3}(count|offset|seed|steps): .*( absent|questions to)/;

/** The text with commented keys put in: those whose line, or whose section, is the default. */
function uncommented(text: string, which: 'defaults' | 'all'): string {
  let skipping: number | undefined;
  return text
    .split('\n')
    .map((line) => {
      const [, indent = '', rest = ''] = COMMENTED.exec(line) ?? [];
      if (rest === '' || EXPLAINS.test(line)) {
        skipping = undefined;
        return line;
      }
      const depth = indent.length + rest.search(/\S/);
      if (skipping !== undefined && depth > skipping) return line;
      skipping = undefined;
      if (which === 'defaults' && /# (of .*|.*)?absent/.test(rest)) {
        skipping = depth;
        return line;
      }
      return `${indent}${rest}`;
    })
    .join('\n');
}

/** All keys of a schema, by name. */
function keysOf(schema: unknown, seen = new Set<unknown>(), keys = new Set<string>()): Set<string> {
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return keys;
  seen.add(schema);
  if ('shape' in schema && typeof schema.shape === 'object' && schema.shape !== null)
    for (const [key, value] of Object.entries(schema.shape)) {
      keys.add(key);
      keysOf(value, seen, keys);
    }
  if ('def' in schema && typeof schema.def === 'object' && schema.def !== null)
    for (const part of ['innerType', 'valueType', 'element', 'options', 'in', 'out'] as const) {
      const inner: unknown =
        part in schema.def ? Object.entries(schema.def).find(([name]) => name === part)?.[1] : undefined;
      for (const each of Array.isArray(inner) ? inner : [inner]) keysOf(each, seen, keys);
    }
  return keys;
}

describe('the file that init writes', () => {
  it.each(TASK_KINDS)('loads, for a task of kind %s', (task) => {
    const { arms, task: loaded } = load(template(task));
    expect(loaded.kind).toBe(task);
    expect(arms.map(({ name }) => name)).toContain('dpo/self-judge');
  });

  it('has the defaults as the values of what is commented out', () => {
    const text = template('chain-sum');
    const filled = uncommented(text, 'defaults');
    expect(filled.split('\n').filter((line, at) => line !== text.split('\n')[at]).length).toBeGreaterThan(20);
    expect(load(filled)).toEqual(load(text));
  });

  it('names every key of the schema', () => {
    const text = TASK_KINDS.map(template).join('\n');
    const missing = [...keysOf(experimentSchema)].filter((key) => !new RegExp(`\\b${key}\\b`).test(text));
    expect(missing).toEqual([]);
  });

  it('loads with everything put in, but for what would need files and servers', () => {
    const filled = uncommented(template('gsm8k'), 'all')
      .split('\n')
      .filter((line) => !/^ *(verifier|path|k|lossType|apiKeyFile): /.test(line))
      .join('\n');
    const { arms, objectives, engine, services, judges } = load(filled);
    expect(arms.map(({ name }) => name)).toContain('sft/twice');
    expect(Object.keys(objectives)).toContain('grpo');
    expect(Object.keys(judges)).toEqual(['self', 'thinker', 'strong', 'mine', 'rubric']);
    expect([engine?.threads, services.trainer]).toEqual([2, 'gpu:50053']);
  });
});
