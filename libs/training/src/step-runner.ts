// Runs one optimiser step: as a single program, or, with micro-batches, as several runs whose gradients are summed before the update.
import { type HostTensor, float32, hostTensor, Program, trace } from '@overtone/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { adamw } from './adamw.ts';
import { drawNoise, noiseSpec } from './dropout.ts';
import { packBatch } from './packing.ts';
import { type References } from './reference-logprobs.ts';
import { type TrainingOptions } from './run-training.ts';
import { type PreparedTraining } from './prepare-training.ts';
import { completionLength } from './sequence.ts';
import { splitStep, type TokenizedExample } from './step-plan.ts';
import { lossAndGradient, stepInputs, type StepOptions, trainStep } from './train-step.ts';
import { TrainingError } from './training-error.ts';
import { type TrainingState } from './training-state.ts';

/** The trained vector and its moments after a step, and the step's metrics by name. */
export interface StepResult {
  readonly next: Pick<TrainingState, 'theta' | 'first' | 'second'>;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Steps of one run. */
export interface StepRunner {
  /** @param state The state before the step. */
  run(examples: readonly TokenizedExample[], state: TrainingState, learningRate: number): Promise<StepResult>;
  dispose(): Promise<void>;
}

/** What a runner needs besides the options. */
export interface StepRunnerContext {
  readonly prepared: PreparedTraining;
  /** Log-probabilities under the reference model, where the objective needs them: of each token where it needs those. */
  readonly references: References | undefined;
  /** The same of each token under the model that the run starts from. Default: as `references`. */
  readonly old?: References | undefined;
}

const vector = (data: Float32Array): HostTensor =>
  hostTensor({ dtype: 'float32', shape: [data.length] }, data);
const scalar = (value: number): HostTensor =>
  hostTensor({ dtype: 'float32', shape: [] }, Float32Array.of(value));

/** Compiles the step's programs. */
export async function createStepRunner(
  options: TrainingOptions,
  context: StepRunnerContext,
): Promise<StepRunner> {
  const { objective, lora, optimizer, microBatches = 1, loraDropout, gradientCheckpointing } = options;
  const { layout, batch, model } = context.prepared;
  const shared = { lora, layout, objective, optimizer, batch, loraDropout, gradientCheckpointing };
  const step = { config: model.config, ...shared };
  return microBatches > 1
    ? AccumulatingRunner.compile(step, options, context, microBatches)
    : WholeRunner.compile(step, options, context);
}

/** Loss, gradient and update in one program. */
class WholeRunner implements StepRunner {
  readonly #program: Program;
  readonly #options: TrainingOptions;
  readonly #context: StepRunnerContext;

  private constructor(program: Program, options: TrainingOptions, context: StepRunnerContext) {
    this.#program = program;
    this.#options = options;
    this.#context = context;
  }

  static async compile(
    step: StepOptions,
    options: TrainingOptions,
    context: StepRunnerContext,
  ): Promise<WholeRunner> {
    const graph = trace(stepInputs(step), (inputs) => trainStep(step, inputs));
    return new WholeRunner(await Program.compile(graph, context.prepared.how), options, context);
  }

  async run(
    examples: readonly TokenizedExample[],
    state: TrainingState,
    learningRate: number,
  ): Promise<StepResult> {
    const outputs = await this.#program.run({
      ...this.#context.prepared.weights,
      ...batchFeeds(examples, this.#options, this.#context, { step: state.step, run: 0 }),
      ...updateFeeds(state, learningRate, this.#options),
    });
    return results(outputs);
  }

  dispose(): Promise<void> {
    return this.#program.dispose();
  }
}

/** Metrics that are means over completion tokens. */
const TOKEN_MEANS = ['entropy', 'kl', 'logprobs/mean'];

/** Completion tokens of examples. */
const targetsOf = (examples: readonly TokenizedExample[]): number =>
  examples.flatMap(({ sequences }) => sequences).reduce((sum, one) => sum + completionLength(one), 0);

/** What only the update reads. */
const UPDATE_INPUTS = ['first', 'second', 'learning_rate', 'correction1', 'correction2'];

/** A program for loss and gradient that runs once a micro-batch, and one for the update. */
class AccumulatingRunner implements StepRunner {
  readonly #gradient: Program;
  readonly #update: Program;
  readonly #options: TrainingOptions;
  readonly #context: StepRunnerContext;
  readonly #microBatches: number;

  private constructor(
    programs: { readonly gradient: Program; readonly update: Program },
    options: TrainingOptions,
    context: StepRunnerContext,
    microBatches: number,
  ) {
    this.#gradient = programs.gradient;
    this.#update = programs.update;
    this.#options = options;
    this.#context = context;
    this.#microBatches = microBatches;
  }

  static async compile(
    step: StepOptions,
    options: TrainingOptions,
    context: StepRunnerContext,
    microBatches: number,
  ): Promise<AccumulatingRunner> {
    if (step.objective.wholeBatch === true) {
      throw new TrainingError(
        `micro_batches is ${microBatches}, but the loss of ${step.objective.name} compares groups with each other: set it to 1`,
      );
    }
    const specs = stepInputs(step);
    const of = (wanted: (name: string) => boolean): typeof specs =>
      Object.fromEntries(Object.entries(specs).filter(([name]) => wanted(name)));
    const gradient = await Program.compile(
      trace(
        of((name) => !UPDATE_INPUTS.includes(name)),
        (inputs) => {
          const { loss, gradient: sum, metrics } = lossAndGradient(step, inputs);
          const named = Object.entries(metrics).map(([name, value]) => [`metric.${name}`, value] as const);
          return { loss, gradient: sum, ...Object.fromEntries(named) };
        },
      ),
      context.prepared.how,
    );
    const size = { dtype: 'float32', shape: [step.layout.size] } as const;
    const updated = {
      ...of((name) => name === 'theta' || UPDATE_INPUTS.includes(name)),
      gradient: size,
    };
    const update = await Program.compile(
      trace(updated, (inputs) => updateOf(inputs, step.optimizer)),
      context.prepared.how,
    );
    return new AccumulatingRunner({ gradient, update }, options, context, microBatches);
  }

  async run(
    examples: readonly TokenizedExample[],
    state: TrainingState,
    learningRate: number,
  ): Promise<StepResult> {
    const { objective } = this.#options;
    const weigh = (some: readonly TokenizedExample[]): number =>
      some.reduce((sum, example) => sum + (objective.weight?.(weighed(example)) ?? 1), 0);
    const whole = weigh(examples);
    const gradient = new Float32Array(state.theta.length);
    const metrics: Record<string, number> = {};
    for (const [run, part] of splitStep(examples, this.#microBatches).entries()) {
      const outputs = await this.#gradient.run({
        ...this.#context.prepared.weights,
        ...batchFeeds(part, this.#options, this.#context, { step: state.step, run }),
        theta: vector(state.theta),
      });
      // A loss is a mean: that of the whole is the mean of its parts', each with its share of the denominator.
      const share = weigh(part) / whole;
      output(outputs, 'gradient').forEach((value, index) => {
        gradient[index] = (gradient[index] ?? 0) + share * value;
      });
      const groups = part.length / examples.length;
      const tokens = targetsOf(part) / targetsOf(examples);
      for (const [name, value] of Object.entries(metricsOf(outputs))) {
        const weight = name === 'loss' ? share : TOKEN_MEANS.includes(name) ? tokens : groups;
        metrics[name] = (metrics[name] ?? 0) + value * weight;
      }
    }
    const outputs = await this.#update.run({
      ...updateFeeds(state, learningRate, this.#options),
      gradient: vector(gradient),
    });
    const { next, metrics: updated } = results(outputs);
    return { next, metrics: { ...metrics, ...updated } };
  }

  async dispose(): Promise<void> {
    await this.#gradient.dispose();
    await this.#update.dispose();
  }
}

const weighed = ({ coefficients, sequences }: TokenizedExample) => ({
  coefficients,
  tokens: sequences.map(completionLength),
});

function updateOf(
  inputs: Readonly<Record<string, tf.Tensor>>,
  options: StepOptions['optimizer'],
): Record<string, tf.Tensor> {
  const take = (name: string): tf.Tensor1D => {
    const tensor = inputs[name];
    if (!tensor) throw new Error(`The update has no input ${name}`);
    return tensor as tf.Tensor1D;
  };
  const scalars = {
    learningRate: take('learning_rate'),
    correction1: take('correction1'),
    correction2: take('correction2'),
  };
  const next = adamw(take('theta'), take('first'), take('second'), take('gradient'), scalars, options);
  return {
    'next.theta': next.theta,
    'next.first': next.first,
    'next.second': next.second,
    grad_norm: next.gradNorm,
  };
}

function output(outputs: Readonly<Record<string, HostTensor>>, name: string): Float32Array {
  const tensor = outputs[name];
  if (!tensor) throw new Error(`The step returned no ${name}`);
  return float32(tensor);
}

function metricsOf(outputs: Readonly<Record<string, HostTensor>>): Record<string, number> {
  const metrics: Record<string, number> = {};
  for (const name of Object.keys(outputs)) {
    if (name.startsWith('next.') || name === 'gradient') continue;
    metrics[name.replace(/^metric\./, '')] = output(outputs, name)[0] ?? NaN;
  }
  return metrics;
}

function results(outputs: Readonly<Record<string, HostTensor>>): StepResult {
  return {
    next: {
      theta: output(outputs, 'next.theta'),
      first: output(outputs, 'next.first'),
      second: output(outputs, 'next.second'),
    },
    metrics: metricsOf(outputs),
  };
}

function updateFeeds(
  { step, theta, first, second }: TrainingState,
  learningRate: number,
  { optimizer }: TrainingOptions,
): Record<string, HostTensor> {
  return {
    theta: vector(theta),
    first: vector(first),
    second: vector(second),
    learning_rate: scalar(learningRate),
    correction1: scalar(1 - optimizer.beta1 ** (step + 1)),
    correction2: scalar(1 - optimizer.beta2 ** (step + 1)),
  };
}

/** Of numbers of each token, the sum of each sequence. */
function sumsOf({ sequences }: TokenizedExample, ofTokens: readonly number[]): number[] {
  let place = 0;
  return sequences.map((sequence) =>
    ofTokens.slice(place, (place += completionLength(sequence))).reduce((sum, value) => sum + value, 0),
  );
}

/** The batch of some examples, their coefficients, their reference log-probabilities, and the noise of dropout. */
function batchFeeds(
  examples: readonly TokenizedExample[],
  { objective, lora, loraDropout = 0, seed }: TrainingOptions,
  { prepared: { batch, model }, references, old = references }: StepRunnerContext,
  at: { readonly step: number; readonly run: number },
): Record<string, HostTensor> {
  const laid = (size: number, values: (example: TokenizedExample) => readonly number[]): HostTensor => {
    const data = new Float32Array(size);
    data.set(examples.flatMap((example) => values(example)));
    return vector(data);
  };
  const places = (values: (example: TokenizedExample) => readonly number[]): HostTensor =>
    laid(batch.sequences, values);
  const perToken = objective.needsTokens === true;
  const tokens = (known: References | undefined): HostTensor =>
    laid(batch.targets, (example) => known?.get(example) ?? []);
  const coefficients: Record<string, HostTensor> = {};
  for (const name of objective.coefficients)
    coefficients[`coefficient.${name}`] = places((example) => example.coefficients[name] ?? []);
  return {
    ...packBatch(
      examples.flatMap(({ sequences }) => sequences),
      batch,
    ),
    ...coefficients,
    reference: places((example) => {
      const known = references?.get(example) ?? [];
      return perToken ? sumsOf(example, known) : known;
    }),
    ...(perToken ? { token_reference: tokens(references), token_old: tokens(old) } : {}),
    groups: scalar(examples.length),
    ...(lora && loraDropout > 0
      ? { noise: drawNoise(noiseSpec(model.config, lora, batch), seed, at.step, at.run) }
      : {}),
  };
}
