// How much memory a training step needs, from shapes alone: nothing is loaded, and nothing runs.
import { type DecoderConfig, type LoraConfig, loraShapes, parameterSpecs } from '@overtone/language-model';
import {
  bytesOf,
  DEFAULT_HARDWARE,
  type Graph,
  inPrecision,
  int8Frozen,
  type Hardware,
  peakBytes,
  processBytes,
  trace,
  uncollectedBytes,
} from '@overtone/tensor';
import { programSettings } from './frozen-weights.ts';
import { layoutOf } from './layout.ts';
import { createObjective, type ObjectiveSpec } from './objective-spec.ts';
import { batchShape, type BatchShape } from './packing.ts';
import { costlyKeys } from './prepare-training.ts';
import { stepInputs, trainStep } from './train-step.ts';

/** What shapes a step. */
export interface StepShape {
  readonly config: DecoderConfig;
  /** The adapter that is trained; undefined trains all parameters. */
  readonly lora: LoraConfig | undefined;
  readonly objective: ObjectiveSpec;
  readonly batch: BatchShape;
  /** See `StepOptions`. */
  readonly gradientCheckpointing?: boolean | undefined;
  readonly hardware?: Hardware;
}

/** Memory of a training process, bytes. */
export interface StepMemory {
  /** The model's weights. */
  readonly weights: number;
  /** The trained vector and its moments: as they are fed, as they come back, and what was not collected yet of earlier steps. */
  readonly state: number;
  /** What the step's program holds for the results of its operators. */
  readonly activations: number;
  /** Node with the service and the job's thread, ONNX Runtime, the tokenizer and the program. */
  readonly process: number;
  readonly total: number;
}

const DEFAULT_OPTIMIZER = { beta1: 0.9, beta2: 0.999, weightDecay: 0, maxGradNorm: 1 };

/** Predicts the memory of a training process with one job. */
export function predictStepMemory(shape: StepShape): StepMemory {
  const { config, lora, objective, batch, gradientCheckpointing, hardware = DEFAULT_HARDWARE } = shape;
  const specs = parameterSpecs(config);
  const shapes = lora
    ? loraShapes(config, lora)
    : [...specs].map(([name, { shape }]) => [name, shape] as const);
  const layout = layoutOf(shapes);
  const options = {
    config,
    lora,
    layout,
    objective: createObjective(objective),
    optimizer: DEFAULT_OPTIMIZER,
    batch,
    gradientCheckpointing,
  };
  const traced: Graph = trace(stepInputs(options), (inputs) => trainStep(options, inputs));
  const { precision = 'float32', frozenInt8 = [] } = programSettings(shape, hardware);
  const graph = inPrecision(int8Frozen(traced, frozenInt8), { device: hardware.device, precision });
  const peak = peakBytes(graph);
  const weights = [...specs].reduce((sum, [name, spec]) => {
    if (!frozenInt8.includes(name)) return sum + bytesOf(spec);
    const [out = 0, input = 0] = spec.shape;
    return sum + out * input + Float32Array.BYTES_PER_ELEMENT * out;
  }, 0);
  // What goes in stays while its successor comes out.
  const state = 2 * peak.outputs + uncollectedBytes(peak.outputs);
  const operators = graph.liveNodes().length;
  const process = processBytes({
    threads: 1,
    vocabulary: config.vocabSize,
    operators,
    constants: peak.constants,
  });
  return {
    weights,
    state,
    activations: peak.arena,
    process,
    total: weights + state + peak.arena + process,
  };
}

/** A training job before there is data for it. */
export interface PlannedTraining extends Omit<StepShape, 'batch'> {
  readonly groupsPerStep: number;
  /** Solutions of a group, at most. */
  readonly solutions: number;
  /** Tokens of the longest prompt. */
  readonly promptTokens: number;
  /** Tokens of the longest solution. */
  readonly solutionTokens: number;
  /** Longest sequence that is trained on, tokens. */
  readonly maxLength: number;
}

/** The shape of a step whose groups are all as large as they may be. */
export function largestBatch(plan: PlannedTraining): BatchShape {
  const objective = createObjective(plan.objective);
  const length = Math.min(plan.promptTokens + plan.solutionTokens, plan.maxLength);
  const promptLength = Math.min(plan.promptTokens, length - 1);
  const scores = Array.from({ length: plan.solutions }, (_, index) => index);
  const step = Array.from({ length: plan.groupsPerStep }, (_, group) => {
    const example = objective.example({ id: String(group), scores }, () => 0);
    return (example?.solutions ?? []).map(() => ({
      tokens: new Int32Array(length).fill(group),
      promptLength,
    }));
  });
  return batchShape([step.flat()], costlyKeys(plan.config));
}

/** Predicts the memory of a training process with one job, if every solution is as long as it may be. */
export function predictTrainingMemory(plan: PlannedTraining): StepMemory & { readonly batch: BatchShape } {
  const batch = largestBatch(plan);
  return { ...predictStepMemory({ ...plan, batch }), batch };
}
