// Everything of a run that is known before anything is computed: the model, which examples each step trains on, and the shape of a batch.
import {
  type DecoderConfig,
  PROJECTIONS,
  projectionShape,
  readDecoderConfig,
  readTokenizer,
  type Model,
  type Tokenizer,
} from '@overtone/language-model';
import { type Hardware, type HostTensor, type ProgramOptions } from '@overtone/tensor';
import { readTrainingGroups } from './dataset.ts';
import { loadWeights, programSettings } from './frozen-weights.ts';
import { type Layout } from './layout.ts';
import { batchShape, type BatchShape } from './packing.ts';
import { type TrainingOptions } from './run-training.ts';
import { trainedLayout } from './snapshots.ts';
import { planSteps, splitStep, type StepPlan, type TokenizedData, tokenizeExamples } from './step-plan.ts';

/** What a run will do. */
export interface TrainingPlan {
  readonly config: DecoderConfig;
  readonly tokenizer: Tokenizer;
  /** The examples that are trained on, and the groups that are not. */
  readonly data: TokenizedData;
  readonly plan: StepPlan;
  /** The examples of every run of the program: those of a step, or of its micro-batches. */
  readonly runs: StepPlan;
  /** The places of the trained parameters. */
  readonly layout: Layout;
  /** The shape that every run of the program has. */
  readonly batch: BatchShape;
}

/** A run before its first step. */
export interface PreparedTraining extends TrainingPlan {
  /** With those of its parameters that are in float32. */
  readonly model: Model;
  /** The model's weights, as programs take them. */
  readonly weights: Readonly<Record<string, HostTensor>>;
  /** How programs are compiled. */
  readonly how: ProgramOptions;
}

/** What a run is computed with. */
export interface Computing {
  /** Threads within an operator. Default 1; other numbers change the last bits of the result. */
  readonly threads?: number;
  /** What programs run on, and in which precision. Default: the CPU, float32; others change the result. */
  readonly hardware?: Hardware;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the data set and the model's configuration and tokenizer, and plans every step.
 *
 * @throws {TrainingError} when the data cannot be trained on.
 * @throws {ModelError} when the model cannot be loaded.
 */
export async function planTraining(options: TrainingOptions, signal?: AbortSignal): Promise<TrainingPlan> {
  const config = await readDecoderConfig(options.model);
  const tokenizer = await readTokenizer(options.model);
  const { seed, maxLength, objective, batching, lora, microBatches = 1 } = options;
  const data = await tokenizeExamples(readTrainingGroups(options.dataset), objective, tokenizer, {
    seed,
    maxLength,
    maxPositions: config.maxPositionEmbeddings,
    signal,
  });
  const plan = planSteps(data.examples, batching, seed);
  const runs = plan.flatMap((step) => splitStep(step, microBatches));
  const batch = batchShape(
    runs.map((run) => run.flatMap(({ sequences }) => sequences)),
    costlyKeys(config),
  );
  return { config, tokenizer, data, plan, runs, layout: trainedLayout(config, lora), batch };
}

/** Plans every step, and loads the model's weights. Throws as `planTraining`. */
export async function prepareTraining(
  options: TrainingOptions,
  { threads = 1, hardware, signal }: Computing = {},
): Promise<PreparedTraining> {
  const planned = await planTraining(options, signal);
  const { config, tokenizer } = planned;
  const settings = programSettings({ config, lora: options.lora }, hardware);
  const { parameters, weights } = await loadWeights(options, config, settings);
  const model = { folder: options.model, config, parameters, tokenizer };
  return { ...planned, model, weights, how: { threads, ...settings } };
}

/** Attention's products are small, and run at about this fraction of the speed of a layer's projections. */
const ATTENTION_SPEED = 0.2;

/** Keys to attend to that cost a token as much as its layer's projections do. */
export function costlyKeys(config: DecoderConfig): number {
  const projections = PROJECTIONS.reduce((sum, projection) => {
    const [rows, columns] = projectionShape(config, projection);
    return sum + rows * columns;
  }, 0);
  return (ATTENTION_SPEED * projections) / (2 * config.numAttentionHeads * config.headDim);
}
