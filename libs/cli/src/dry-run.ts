// `overtone run --dry-run`: what a run would do, and how much memory it would take, from the file, the questions and the model's shape.
import { availableParallelism } from 'node:os';
import {
  type Experiment,
  InputError,
  mustBeFetched,
  type Objective,
  prepareQuestions,
  type Work,
  workOf,
} from '@overtone/experiment/prepare';
import { ModelError, parseTargetModules, readDecoderConfig, readTokenizer } from '@overtone/language-model';
import { defaultCacheBytes, predictSamplingMemory, type SamplingMemory } from '@overtone/sampling';
import { askingTurns } from '@overtone/tasks';
import { type ObjectiveSpec, predictTrainingMemory, type StepMemory } from '@overtone/training';
import { type KnownWork, knownWork } from '@overtone/experiment/history';
import { formatBytes } from './format-bytes.ts';
import { digestOf, type Left, leftOf, longestOf, timeOf, type TimeEstimate } from './plan-estimates.ts';
import { describeKnown, describeTime, describeTokens, moneyRows } from './plan-text.ts';
import { working } from './sign-of-life.ts';

/** What a run would do. */
export interface Plan extends Work {
  readonly experiment: string;
  readonly model: string;
  /** Undefined where the generator runs elsewhere, or its model is not here. */
  readonly generator: SamplingMemory | undefined;
  /** Of the objective that needs most; undefined where nothing is trained here, or the model is not here. */
  readonly trainer: (StepMemory & { readonly objective: string }) | undefined;
  /** What is in the run folder already; null without --out, and where the model is not here. */
  readonly known: KnownWork | null;
  /** What is left to do, at most. */
  readonly left: Left;
  /** How long that would take; null where no run tells. */
  readonly time: TimeEstimate | null;
}

/** Where to look for what is known. */
export interface PlanOptions {
  /** The run folder. */
  readonly out?: string | undefined;
  readonly signal?: AbortSignal;
}

export function specOf(objective: Objective): ObjectiveSpec {
  // All others have the same settings by the same names.
  if (objective.type !== 'sft') return objective;
  // Attenuation may turn best into weighted, which trains on every solution.
  const selection = objective.attenuate === 'auto' ? 'weighted' : objective.choose;
  return { type: 'sft', selection, k: objective.k };
}

/** Plans a run. Reads the experiment's questions, the model's configuration and tokenizer, and what runs have left; writes nothing. */
export async function planRun(experiment: Experiment, options: PlanOptions = {}): Promise<Plan> {
  const questions = await prepareQuestions(experiment);
  const { splits, prompt } = questions;
  const { services, generator: backend, engine, sampling, evaluation } = experiment;
  const here = services.generator === undefined || services.trainer === undefined;
  const isHere = here && !mustBeFetched(experiment);
  const model = isHere ? await digestOf(experiment, options.signal) : undefined;
  const known =
    model === undefined ? undefined : await knownWork({ experiment, ...questions, model, out: options.out });
  const whole = workOf(experiment, splits, known?.saturated ?? undefined);
  const left = leftOf(experiment, whole, known, longestOf(splits));
  const work = {
    ...whole,
    experiment: experiment.name,
    model: experiment.model,
    known: known ?? null,
    left,
    time: known?.done === true ? null : await timeOf(left, experiment, { ...options, model }),
  };
  if (!isHere) return { ...work, generator: undefined, trainer: undefined };
  const config = await readDecoderConfig(experiment.model);
  const tokenizer = await readTokenizer(experiment.model);
  const { train, easy, hard, development = [] } = splits;
  const lengths = [...train, ...easy, ...hard, ...development].map(
    (problem) => tokenizer.encodeChat(askingTurns(prompt, problem)).length,
  );
  const promptTokens = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  const { device = 'cpu', precision = 'float32', threads } = engine ?? {};
  const hardware = { device, precision };
  // A judge reads the question with two solutions.
  const selfJudged = Object.values(experiment.judges).some((judge) => judge.backend === 'generator');
  const generator =
    services.generator !== undefined || backend.backend !== 'engine'
      ? undefined
      : predictSamplingMemory({
          config,
          workers: threads ?? availableParallelism(),
          cacheBytes: defaultCacheBytes(),
          promptTokens,
          maxNewTokens: Math.max(sampling.maxNewTokens, evaluation.maxNewTokens),
          scoredTokens: promptTokens + (selfJudged ? 2 : 1) * sampling.maxNewTokens,
          hardware,
        });
  const trained = services.trainer === undefined ? experiment.arms : [];
  const trainings = trained.map(({ objective }) => ({
    ...predictTrainingMemory({
      config,
      lora: { ...objective.lora, targetModules: parseTargetModules(objective.lora.targetModules) },
      objective: specOf(objective),
      groupsPerStep: objective.groupsPerStep,
      solutions: sampling.samples,
      promptTokens,
      solutionTokens: sampling.maxNewTokens,
      maxLength: Math.min(objective.maxLength, config.maxPositionEmbeddings),
      hardware,
    }),
    objective: objective.type,
  }));
  const trainer = trainings.sort((a, b) => b.total - a.total)[0];
  return { ...work, generator, trainer };
}

const count = (value: number): string => value.toLocaleString('en');

function memoryLine(parts: Readonly<Record<string, number>>, total: number): string {
  const list = Object.entries(parts).map(([name, bytes]) => `${name} ${formatBytes(bytes)}`);
  return `at most ${formatBytes(total)}: ${list.join(', ')}`;
}

/** A plan for people. */
export function renderPlan(plan: Plan): string {
  const { questions, generator, trainer } = plan;
  const judged = Object.entries(plan.comparisons).map(([judge, calls]) => `${judge} ${count(calls)}`);
  const absent = 'memory not predicted: it runs elsewhere, or the model is not here';
  const rows: (readonly [string, string])[] = [
    ['experiment', plan.experiment],
    ['model', plan.model],
    [
      'questions',
      `${count(questions.train)} to train on, ${count(questions.development)} development, ${count(questions.easy)} easy, ${count(questions.hard)} hard`,
    ],
    [
      'samples',
      `${count(plan.samples)} for training${plan.laterSamples === 0 ? '' : `, ${count(plan.laterSamples)} of them in later rounds`}`,
    ],
    ['judge calls', judged.length === 0 ? 'none' : `at most ${judged.join(', ')}`],
    ['training', `${count(plan.jobs)} jobs, ${count(plan.steps)} steps`],
    ['evaluation', `${count(plan.evaluated)} solutions`],
    ['cached', describeKnown(plan)],
    ['tokens', describeTokens(plan.left)],
    ...moneyRows(plan.left),
    ['time', describeTime(plan)],
    [
      'generator',
      generator === undefined
        ? absent
        : memoryLine(
            {
              weights: generator.weights,
              'keys and values': generator.cache,
              activations: generator.activations,
              process: generator.process,
            },
            generator.total,
          ),
    ],
    [
      'trainer',
      trainer === undefined
        ? absent
        : memoryLine(
            {
              weights: trainer.weights,
              state: trainer.state,
              [`activations of ${trainer.objective}`]: trainer.activations,
              process: trainer.process,
            },
            trainer.total,
          ),
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`).join('\n')}\n`;
}

/** `overtone plan`, and `overtone run --dry-run`: prints the plan. */
export async function dryRun(
  experiment: Experiment,
  json: boolean,
  options: PlanOptions = {},
): Promise<void> {
  const sign = working();
  sign.say('reading the questions and the model');
  const plan = await planRun(experiment, options)
    .catch((error: unknown) => {
      throw error instanceof ModelError ? new InputError(error.message, { cause: error }) : error;
    })
    .finally(sign.done);
  process.stdout.write(json ? `${JSON.stringify(plan, null, 2)}\n` : renderPlan(plan));
}
