// The task of an evaluation: questions from an experiment, a task file, a data file or a few words on the command line.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { exampleTurns, type Problem, type Prompt, type Verifier } from '@overtone/tasks';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Experiment, firstIssue, keyPath, loadExperiment, lowerFirst } from '../config/load.ts';
import type { Decoding, SplitName } from '../config/schema.ts';
import { missing } from '../config/strict.ts';
import { resolveTask } from '../config/task-paths.ts';
import { task as taskSchema, type Task } from '../config/task-schema.ts';
import { InputError, oneLine } from '../input-error.ts';
import { prepareQuestions } from '../prepare.ts';
import { loadQuestions } from '../problems.ts';
import { styleOfTask, type StyleOf } from '../task-style.ts';
import { verifierOf } from '../verifier.ts';

/** Questions that are measured together. */
export interface QuestionSet {
  /** "hard"; "" where a task has one set alone. */
  readonly name: string;
  readonly problems: readonly Problem[];
}

/** What is asked, how, and who says what is right. */
export interface EvaluationTask {
  /** For people. */
  readonly name: string;
  readonly sets: readonly QuestionSet[];
  readonly prompt: Prompt;
  readonly verifier: Verifier;
  /** The verifier's module; undefined for the built-in one. */
  readonly verifierPath: string | undefined;
  readonly style: StyleOf | undefined;
  /** The experiment that the task is from, whose model and decoding are the defaults. */
  readonly experiment: Experiment | undefined;
}

/** What a command line may say of a task. */
export interface TaskOptions {
  /** Splits of an experiment. Default easy and hard. */
  readonly splits?: readonly SplitName[] | undefined;
  /** Only the first questions of each set. */
  readonly limit?: number | undefined;
  /** The text around "{question}", instead of the task's. */
  readonly prompt?: string | undefined;
  readonly signal?: AbortSignal;
}

/** Keys of a task that are not of a split; all others say which questions. */
const SHARED = ['kind', 'prompt', 'examples', 'verifier', 'fields'];
const FORMS =
  'an experiment (.yaml), a task (.yaml, or {kind: chain-sum, ...}), a .jsonl or .parquet file of questions, gsm8k, or a folder with test.jsonl';

/**
 * Reads a task: an experiment file, a YAML file or flow mapping with the keys of `task` and of one split, a JSONL or Parquet file,
 * "gsm8k" (its test questions; "gsm8k:train" the others), or a folder that holds GSM8K.
 *
 * @throws InputError that says what cannot be used.
 */
export async function loadEvaluationTask(text: string, options: TaskOptions = {}): Promise<EvaluationTask> {
  const { limit, prompt } = options;
  const found = await find(text, options);
  const sets = found.sets.map(({ name, problems }) => ({ name, problems: problems.slice(0, limit) }));
  if (prompt === undefined) return { ...found, sets };
  if (!prompt.includes('{question}'))
    throw new InputError(`--prompt: must contain "{question}", where the question belongs`);
  return { ...found, sets, prompt: { ...found.prompt, template: prompt } };
}

async function find(text: string, { splits, signal }: TaskOptions): Promise<EvaluationTask> {
  const oneSplit = (value: unknown, where: string, folder: string, name: string) => {
    if (splits !== undefined)
      throw new InputError(`--split: only an experiment has splits, and ${text} is none; leave it away`);
    return single(value, { where, folder, name }, signal);
  };
  const here = process.cwd();
  if (text.trimStart().startsWith('{'))
    return oneSplit(readYaml(text, 'the task'), 'the task', here, oneLine(text));
  const [, part] = /^gsm8k(?::(train|test))?$/.exec(text) ?? [undefined, undefined];
  if (/^gsm8k(:(train|test))?$/.test(text) && !existsSync(text))
    return oneSplit({ kind: 'gsm8k', split: part ?? 'test' }, text, here, text);
  if (text.startsWith('hf://')) return oneSplit(fileTask(text), text, here, text);
  if (!existsSync(text)) throw new InputError(`${text}: there is no such task; give ${FORMS}`);
  if (statSync(text).isDirectory()) {
    if (!existsSync(join(text, 'test.jsonl')))
      throw new InputError(`${text}: a folder of questions holds test.jsonl, in GSM8K's form; give ${FORMS}`);
    return oneSplit({ kind: 'gsm8k', path: text, split: 'test' }, text, here, text);
  }
  if (!/\.ya?ml$/.test(text)) return oneSplit(fileTask(text), text, here, text);
  const value = readYaml(readFileSync(text, 'utf8'), text);
  const isExperiment = typeof value === 'object' && value !== null && 'task' in value;
  return isExperiment
    ? ofExperiment(text, splits ?? ['easy', 'hard'])
    : oneSplit(value, text, dirname(resolve(text)), text);
}

function fileTask(path: string): unknown {
  return { kind: path.endsWith('.parquet') ? 'parquet' : 'jsonl', path };
}

function readYaml(text: string, where: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw new InputError(`${where}: ${oneLine(error instanceof Error ? error.message : String(error))}`);
  }
}

async function ofExperiment(file: string, splits: readonly SplitName[]): Promise<EvaluationTask> {
  const experiment = loadExperiment(file);
  const { splits: questions, prompt, verifier } = await prepareQuestions(experiment);
  return {
    name: experiment.name,
    sets: splits.map((name) => {
      const problems = questions[name];
      if (problems === undefined)
        throw new InputError(
          `--split ${name}: ${file} has no task.${name}; it has ${Object.keys(experiment.task)
            .filter((key) => key in questions)
            .join(', ')}`,
        );
      return { name, problems };
    }),
    prompt,
    verifier,
    verifierPath: experiment.task.verifier,
    style: styleOfTask(experiment.task),
    experiment,
  };
}

const mapping = z.record(z.string(), z.unknown());

/** A task of one split. */
async function single(
  value: unknown,
  { where, folder, name }: { where: string; folder: string; name: string },
  signal: AbortSignal | undefined,
): Promise<EvaluationTask> {
  const keys = mapping.safeParse(value).data;
  if (keys === undefined) throw new InputError(`${where}: must be a mapping of keys to values`);
  const isShared = (key: string): boolean =>
    SHARED.includes(key) || (keys['kind'] === 'gsm8k' && key === 'path');
  const entries = Object.entries(keys);
  const shared = Object.fromEntries(entries.filter(([key]) => isShared(key)));
  const split = Object.fromEntries(entries.filter(([key]) => !isShared(key)));
  const parsed = taskSchema.safeParse(
    { ...shared, train: split, easy: split, hard: split },
    { error: missing },
  );
  if (!parsed.success) {
    const issue = firstIssue(parsed.error.issues);
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    const own = ['train', 'easy', 'hard'].includes(String(path[0])) ? path.slice(1) : path;
    throw new InputError(`${where}: ${keyPath(own)}${oneLine(lowerFirst(issue.message))}`);
  }
  const task = resolveTask(parsed.data, folder);
  const verifier = await verifierOf(task);
  const problems = await loadQuestions(task, 'hard', signal === undefined ? {} : { signal }).catch(
    (error: unknown) => {
      throw error instanceof InputError
        ? new InputError(`${where}: ${error.message.replace(/^task\.hard: /, '')}`, { cause: error })
        : error;
    },
  );
  return {
    name,
    sets: [{ name: '', problems }],
    prompt: { template: task.prompt, turns: exampleTurns(task.prompt, examplesOf(task, where)) },
    verifier,
    verifierPath: task.verifier,
    style: styleOfTask(task),
    experiment: undefined,
  };
}

function examplesOf({ examples = [] }: Task, where: string) {
  if (Array.isArray(examples)) return examples;
  throw new InputError(
    `${where}: examples: { count, seed } takes them from an experiment's training questions; here, list them as { question, solution }`,
  );
}

/** How to sample, unless the task's experiment says otherwise. */
export const DEFAULT_DECODING: Decoding = {
  samples: 8,
  temperature: 0.6,
  topP: 0.95,
  maxNewTokens: 256,
  stop: [],
  seed: 0,
};
