// How much memory a sampling pool needs, from shapes alone: nothing is loaded, and nothing runs.
import { type DecoderConfig, EMBEDDING, linearWeights, parameterSpecs } from '@overtone/language-model';
import {
  bytesOf,
  DEFAULT_HARDWARE,
  type Graph,
  type Hardware,
  inPrecision,
  peakBytes,
  processBytes,
  sizeOf,
  uncollectedBytes,
} from '@overtone/tensor';
import { type DecodeShape, traceDecode } from './decode-program.ts';
import { stepsInPlace } from './decode-programs.ts';
import { PREFILL_BATCH, TAIL_STEP } from './prefill.ts';
import { PREFIX_BLOCK } from './prefix-cache.ts';
import { PREFIX_SHARE } from './sampler.ts';
import { packsWeights } from './pool-defaults.ts';
import { bytesPerPosition, capacityFor } from './slot-cache.ts';
import { traceStep } from './step-program.ts';
import { LENGTH_STEP, placesFor, TOKENS_PER_RUN, traceBody, traceHead } from './teacher-forcing.ts';

/** What a pool is asked for. */
export interface PlannedSampling {
  readonly config: DecoderConfig;
  readonly workers: number;
  /** Samples that each worker decodes at once. Default 64. */
  readonly slots?: number;
  /** Memory for keys and values of all workers, bytes. */
  readonly cacheBytes: number;
  /** Tokens of the longest prompt. */
  readonly promptTokens: number;
  /** Most tokens of a sample. */
  readonly maxNewTokens: number;
  /** Tokens of the longest text that is scored, its prompt included. Default: that of the longest prompt with its sample. */
  readonly scoredTokens?: number;
  readonly hardware?: Hardware;
}

/** Memory of a sampling process, bytes. */
export interface SamplingMemory {
  /** The model's weights, once for all workers; and once more in the layout of kernels, where they are packed. */
  readonly weights: number;
  /** Keys and values, of all workers: of what is sampled, and of what prompts begin with. */
  readonly cache: number;
  /** What programs hold for the results of their operators, and what they returned that was not collected yet, of all workers. */
  readonly activations: number;
  /** Node with the service and its workers, ONNX Runtime, tokenizers and programs. */
  readonly process: number;
  readonly total: number;
}

/** Predicts the memory of a sampling process that samples, and scores what it sampled. */
export function predictSamplingMemory(plan: PlannedSampling): SamplingMemory {
  const { config, workers, slots = 64, cacheBytes, promptTokens, maxNewTokens } = plan;
  const { hardware = DEFAULT_HARDWARE } = plan;
  const position = bytesPerPosition(config);
  const capacity = capacityFor(promptTokens + maxNewTokens);
  const share = ((1 - PREFIX_SHARE) * cacheBytes) / workers;
  const fitting = Math.min(slots, Math.floor(share / (capacity * position)));
  const batch = 2 ** Math.floor(Math.log2(Math.max(2, fitting)));
  const { scoredTokens = promptTokens + maxNewTokens } = plan;
  const length = LENGTH_STEP * Math.ceil(scoredTokens / LENGTH_STEP);
  const rows = Math.max(2, Math.floor(TOKENS_PER_RUN / length));
  const scoring = [
    traceBody(config, undefined, { batch: rows, length, capacity: 0 }),
    traceHead(config, placesFor(rows * maxNewTokens)),
  ];
  const inPlace = stepsInPlace(config, hardware.device);
  const specs = [...parameterSpecs(config).values()];
  const numbers = specs.reduce((total, { shape }) => total + sizeOf(shape), 0);
  const int8 = hardware.precision === 'int8';
  const int8Weights = new Map([...linearWeights(config).keys()].map((name) => [name, 'int8'] as const));
  const packed = int8 || (inPlace && packsWeights(numbers, hardware));
  const programs = [
    ...decodeShapes(promptTokens, maxNewTokens, batch).map((shape) =>
      inPlace && shape.length === 1
        ? { graph: traceStep(config, undefined, shape), inPlace }
        : { graph: traceDecode(config, undefined, shape), inPlace: false },
    ),
    ...scoring.map((graph) => ({ graph, inPlace: false })),
  ].map(({ graph: traced, inPlace }) => {
    const graph = inPrecision(traced, hardware, int8Weights);
    const peak = peakBytes(graph, packed || inPlace);
    // The cache that a step returns is the one that it was given.
    const cached = inPlace ? inPlaceBytes(graph) : 0;
    return { ...peak, outputs: peak.outputs - cached, operators: graph.liveNodes().length };
  });
  const sum = (of: (program: (typeof programs)[number]) => number): number =>
    programs.reduce((total, program) => total + of(program), 0);
  const most = programs.reduce((largest, { outputs }) => Math.max(largest, outputs), 0);
  const once = specs.reduce((total, spec) => total + bytesOf(spec), 0);
  const weights = int8 ? int8Bytes(config) : packed ? 2 * once : once;
  // Prompts are held once more while they wait for a slot.
  const waiting = PREFILL_BATCH * promptTokens * position;
  const cache = workers * (batch * capacity * position + waiting);
  const activations = workers * (sum(({ arena }) => arena) + uncollectedBytes(most));
  const process = processBytes({
    threads: workers,
    vocabulary: config.vocabSize,
    operators: workers * sum(({ operators }) => operators),
    constants: workers * sum(({ constants }) => constants),
  });
  return { weights, cache, activations, process, total: weights + cache + activations + process };
}

/** Bytes of a model's weights in eight bits, and once more as they are packed, and of what is not in eight bits. */
function int8Bytes(config: DecoderConfig): number {
  const linear = linearWeights(config);
  let bytes = 0;
  for (const [name, spec] of parameterSpecs(config))
    if (!linear.has(name) || name === EMBEDDING) bytes += bytesOf(spec);
  for (const [out, input] of linear.values()) bytes += 2 * out * input + Float32Array.BYTES_PER_ELEMENT * out;
  return bytes;
}

/** Bytes of the outputs of a step that lie over its inputs. */
function inPlaceBytes(graph: Graph): number {
  let bytes = 0;
  for (const [name, output] of graph.outputs) if (name.startsWith('new.')) bytes += bytesOf(output);
  return bytes;
}

/** The programs that a worker comes to have: each keeps the memory that it once took. */
function decodeShapes(promptTokens: number, maxNewTokens: number, batch: number): DecodeShape[] {
  const tempered = true;
  const shapes = new Map<string, DecodeShape>();
  const add = (shape: DecodeShape): void => void shapes.set(JSON.stringify(shape), shape);
  // Blocks of the prompts, one after another, then what is left of them.
  const blocks = Math.floor((promptTokens - 1) / PREFIX_BLOCK);
  const past = (block: number): number => (block === 0 ? 0 : capacityFor(block * PREFIX_BLOCK));
  for (let block = 0; block < blocks; block++)
    add({ batch: PREFILL_BATCH, length: PREFIX_BLOCK, capacity: past(block), rows: 0, tempered: false });
  const left = TAIL_STEP * Math.ceil((promptTokens - blocks * PREFIX_BLOCK) / TAIL_STEP);
  add({ batch: PREFILL_BATCH, length: left, capacity: past(blocks), rows: PREFILL_BATCH, tempered });
  // The cache grows with the samples; when no more are waiting, the batch shrinks.
  let capacity = 0;
  for (let positions = promptTokens + 1; positions <= promptTokens + maxNewTokens; positions = capacity + 1) {
    capacity = capacityFor(positions);
    add({ batch, length: 1, capacity, rows: batch, tempered });
  }
  for (let fewer = batch / 2; fewer >= 2; fewer /= 2)
    add({ batch: fewer, length: 1, capacity, rows: fewer, tempered });
  return [...shapes.values()];
}
