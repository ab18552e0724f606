// Reads an experiment file: YAML, schema, references between its parts, and the model folder.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type Document, isMap, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { canBeAttenuated } from '../attenuation.ts';
import { InputError, oneLine } from '../input-error.ts';
import { needsWeights } from './generator.ts';
import { resolveJudge } from './judge.ts';
import { isHubReference } from './model-reference.ts';
import { type ExperimentFile, experimentSchema, type Objective } from './schema.ts';
import { checkSignals, needsEntropies } from './signals.ts';
import { missing, unknownName } from './strict.ts';
import { resolveTask } from './task-paths.ts';

/** An arm of the experiment with what it refers to. */
export interface Arm {
  /** Name in the report. */
  name: string;
  /** Name of the signal. */
  signal: string;
  /** Objective and training settings. */
  objective: Objective;
  /** Rounds of sampling, scoring and training; absent: one. */
  rounds?: number;
}

/** An experiment that has been checked: its references exist, its paths are absolute. */
export interface Experiment extends Omit<ExperimentFile, 'arms'> {
  arms: Arm[];
}

/** What a command line may change in a file. */
export interface ExperimentOverrides {
  /** Train the first `seeds` seeds; beyond the file's own, consecutive numbers follow. */
  seeds?: number;
  /** Another model than the file's: a folder relative to the working directory, or a hosted generator's own id. */
  model?: string;
  /** Change the parsed file before it is checked, for example to make it smaller. */
  adjust?: (file: ExperimentFile) => ExperimentFile;
}

/**
 * Reads and checks the experiment file at `path`. Where it does not say where artifacts are, `OVERTONE_ARTIFACTS` may.
 *
 * @throws InputError with one line that names the file, the line, the key and what is wrong.
 */
export function loadExperiment(
  path: string,
  overrides: ExperimentOverrides = {},
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Experiment {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'no such file' : String(error);
    throw new InputError(`${path}: ${reason}`);
  }
  const experiment = parseExperiment(text, { file: path, folder: dirname(resolve(path)) }, overrides);
  const artifacts = experiment.services.artifacts ?? (environment['OVERTONE_ARTIFACTS'] || undefined);
  return artifacts === undefined
    ? experiment
    : { ...experiment, services: { ...experiment.services, artifacts } };
}

/** As `loadExperiment`, from text; `file` is named in errors, relative paths start from `folder`. */
export function parseExperiment(
  text: string,
  source: { file: string; folder: string },
  overrides: ExperimentOverrides = {},
): Experiment {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true });
  const syntax = document.errors[0];
  if (syntax !== undefined) throw new InputError(`${source.file}: ${oneLine(syntax.message)}`);
  const parsed = experimentSchema.safeParse(document.toJS() ?? {}, { error: missing });
  const fail = (path: readonly PropertyKey[], message: string): never => {
    throw new InputError(
      `${source.file}${lineOf(document, lines, path)}: ${keyPath(path)}${oneLine(message)}`,
    );
  };
  if (!parsed.success) {
    const issue = firstIssue(parsed.error.issues);
    const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : issue.path;
    return fail(path, lowerFirst(issue.message));
  }
  const adjusted = overrides.adjust?.(parsed.data) ?? parsed.data;
  const file = {
    ...adjusted,
    model:
      overrides.model === undefined || isHubReference(overrides.model)
        ? (overrides.model ?? adjusted.model)
        : resolve(overrides.model),
    seeds: chooseSeeds(adjusted.seeds, overrides.seeds),
  };
  return check(file, source.folder, fail);
}

function check(
  file: ExperimentFile,
  folder: string,
  fail: (path: PropertyKey[], message: string) => never,
): Experiment {
  const known = (path: PropertyKey[], kind: string, name: string, among: object): void => {
    if (!Object.hasOwn(among, name)) fail(path, unknownName(kind, name, Object.keys(among)));
  };
  checkSignals(file, known, fail);
  checkGenerator(file, fail);
  if (file.audit !== undefined) known(['audit', 'judge'], 'judge', file.audit.judge, file.judges);
  for (const [name, objective] of Object.entries(file.objectives))
    checkSettings(objective, (setting, message) => fail(['objectives', name, setting], message));
  const arms = file.arms.map((arm, index): Arm => {
    known(['arms', index, 'signal'], 'signal', arm.signal, file.signals);
    known(['arms', index, 'objective'], 'objective', arm.objective, file.objectives);
    const chosen = file.objectives[arm.objective];
    if (chosen === undefined) return fail(['arms', index, 'objective'], 'is unknown');
    const objective = arm.attenuate === undefined ? chosen : { ...chosen, attenuate: arm.attenuate };
    checkAttenuation(objective, (message) =>
      fail(
        arm.attenuate === undefined
          ? ['objectives', arm.objective, 'attenuate']
          : ['arms', index, 'attenuate'],
        message,
      ),
    );
    if (objective.type !== 'sft' && file.sampling.samples < 2)
      fail(
        ['sampling', 'samples'],
        `must be at least 2, because objective "${arm.objective}" learns from pairs of solutions, but is ${file.sampling.samples}`,
      );
    if (objective.selection !== undefined && file.task.development === undefined)
      fail(
        ['task', 'development'],
        `is missing, but objective "${arm.objective}" chooses its snapshot on it`,
      );
    checkStopping(objective, (setting, message) =>
      fail(['objectives', arm.objective, 'selection', setting], message),
    );
    return {
      name: arm.name ?? `${arm.objective}/${arm.signal}`,
      signal: arm.signal,
      objective,
      // One round is what an experiment from before there were any does: it stays the same configuration.
      ...(arm.rounds !== undefined && arm.rounds > 1 && { rounds: arm.rounds }),
    };
  });
  const names = new Set<string>(['base']);
  for (const [index, { name }] of arms.entries()) {
    if (names.has(name))
      fail(
        ['arms', index, 'name'],
        name === 'base' ? '"base" is the untrained model; choose another name' : `"${name}" names two arms`,
      );
    names.add(name);
  }
  for (const split of ['train', 'development', 'easy', 'hard'] as const) {
    const questions = file.task[split];
    if (questions !== undefined && 'count' in questions && questions.count === 0)
      fail(['task', split, 'count'], 'is 0: the task is empty, give it at least one question');
  }
  if (new Set(file.seeds).size !== file.seeds.length) fail(['seeds'], 'must not repeat a seed');
  return {
    ...file,
    arms,
    task: resolveTask(file.task, folder),
    judges: resolveJudges(file, folder),
    model: resolveModel(file, folder, fail),
  };
}

function checkStopping({ selection }: Objective, fail: (setting: string, message: string) => never): void {
  if (selection === undefined) return;
  const { snapshotEverySteps, learningRates = [], patience, halving } = selection;
  if (snapshotEverySteps === 0 && (patience !== undefined || halving === true))
    fail(
      patience === undefined ? 'halving' : 'patience',
      'needs snapshots to go by: set snapshotEverySteps to at least 1',
    );
  if (halving === true && learningRates.length < 2)
    fail('halving', 'needs at least two learningRates to choose from');
}

function checkAttenuation(objective: Objective, fail: (message: string) => never): void {
  if (objective.attenuate !== 'auto') return;
  if (objective.type === 'sft') {
    if (objective.choose === 'random' || objective.choose === 'all')
      fail(
        `is auto, but with choose: ${objective.choose} scores decide nothing; use choose: best or weighted`,
      );
    return;
  }
  if (!canBeAttenuated(objective))
    return fail(
      `is auto, but nothing in ${objective.type} takes the flip rate of a signal card; use sft, dpo, rrhf or simpo, or attenuate: off`,
    );
  if (objective.labelSmoothing !== undefined)
    fail(
      `is auto, which takes the label smoothing from the signal card, but labelSmoothing is ${objective.labelSmoothing}; give one of them`,
    );
}

function checkSettings(objective: Objective, fail: (setting: string, message: string) => never): void {
  if (objective.type === 'sft' && objective.k !== undefined && objective.choose !== 'top-k')
    fail('k', `is ${objective.k}, but only choose: top-k takes it, and choose is ${objective.choose}`);
  if (
    objective.type === 'grpo' &&
    objective.lossType === 'rloo' &&
    objective.importanceSamplingLevel === 'token'
  )
    fail('importanceSamplingLevel', 'is token, but rloo has one ratio for each solution');
}

function checkGenerator(
  { generator, services, signals }: ExperimentFile,
  fail: (path: PropertyKey[], message: string) => never,
): void {
  if (generator.backend === 'engine') return;
  if (services.generator !== undefined)
    fail(
      ['generator'],
      `says how to start a generator, but services.generator says that one runs at ${services.generator}; give one of them`,
    );
  const [entropic] = Object.entries(signals).find(([, signal]) => needsEntropies(signal)) ?? [];
  if (generator.entropy === 'none' && entropic !== undefined)
    fail(
      ['generator', 'entropy'],
      `is none, but signal "${entropic}" is made of entropies; use engine or top-k`,
    );
}

function resolveJudges({ judges }: ExperimentFile, folder: string): ExperimentFile['judges'] {
  return Object.fromEntries(
    Object.entries(judges).map(([name, judge]) => [name, resolveJudge(judge, folder)]),
  );
}

/** The absolute path of the model; a name on the hub is left alone, as is an id where generator and trainer run elsewhere. */
function resolveModel(
  file: ExperimentFile,
  folder: string,
  fail: (path: PropertyKey[], message: string) => never,
): string {
  const path = isAbsolute(file.model) ? file.model : resolve(folder, file.model);
  const remote =
    (file.services.generator !== undefined || !needsWeights(file)) && file.services.trainer !== undefined;
  const missing = whatIsMissing(path);
  if (missing === undefined) return path;
  if (remote || (isHubReference(file.model) && !existsSync(path))) return file.model;
  return fail(['model'], missing);
}

/** What keeps `folder` from being a model in Hugging Face layout; undefined when nothing does. */
export function whatIsMissing(folder: string): string | undefined {
  let files: string[];
  try {
    const isFolder = statSync(folder).isDirectory();
    if (!isFolder && folder.endsWith('.gguf')) return undefined;
    if (!isFolder) return `${folder} is not a folder; give a model folder in Hugging Face layout`;
    files = readdirSync(folder);
    // One GGUF file holds everything.
    if (files.some((file) => file.endsWith('.gguf')) && !files.some((file) => file.endsWith('.safetensors')))
      return undefined;
  } catch {
    return `there is no folder ${folder}; give a model folder in Hugging Face layout`;
  }
  const size = (file: string): number => statSync(join(folder, file)).size;
  const lacks = [
    ...['config.json', 'tokenizer.json'].filter((file) => !files.includes(file) || size(file) === 0),
    ...(files.some((file) => file.endsWith('.safetensors') && size(file) > 0)
      ? []
      : ['*.safetensors (the weights)']),
  ];
  return lacks.length === 0
    ? undefined
    : `the model folder ${folder} lacks ${lacks.join(' and ')}; download or build the whole model, for example with "overtone miniature build --out ${basename(folder)}"`;
}

function chooseSeeds(seeds: readonly number[], wanted: number | undefined): number[] {
  const chosen = seeds.slice(0, wanted);
  for (let next = Math.max(0, ...seeds) + 1; chosen.length < (wanted ?? 0); next++) chosen.push(next);
  return chosen;
}

export function firstIssue(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const unknownKey = issues.find((issue) => issue.code === 'unrecognized_keys');
  const issue = unknownKey ?? issues[0];
  if (issue === undefined) throw new Error('a failed validation has no issue');
  return issue;
}

export function keyPath(path: readonly PropertyKey[]): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return text === '' ? '' : `${text}: `;
}

/** ":12" for the line of the deepest node on `path` that the file holds. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown =
      length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    const offset = isMap(parent)
      ? rangeStart(parent.items.find((pair) => String(pair.key) === String(last))?.key)
      : rangeStart(document.getIn(path.slice(0, length), true));
    if (offset !== undefined) return `:${lines.linePos(offset).line}`;
  }
  return '';
}

function rangeStart(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range))
    return undefined;
  const start: unknown = node.range[0];
  return typeof start === 'number' ? start : undefined;
}

export function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}
