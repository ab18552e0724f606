// How much memory a sampling pool needs, from shapes alone: nothing is loaded, and nothing runs.
import { type DecoderConfig, parameterSpecs } from '@overtone/language-model';
import { bytesOf, type Graph, halfPrecision, type Hardware, peakBytes } from '@overtone/tensor';
import { traceDecode } from './decode-program.ts';
import { PREFILL_BATCH } from './prefill.ts';
import { PREFIX_BLOCK } from './prefix-cache.ts';
import { bytesPerPosition, capacityFor } from './slot-cache.ts';
import { TOKENS_PER_RUN, traceScoring } from './teacher-forcing.ts';

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
  readonly hardware?: Hardware;
}

/** Memory of a sampling process, bytes. */
export interface SamplingMemory {
  /** The model's weights, once for all workers. */
  readonly weights: number;
  /** Keys and values, of all workers. */
  readonly cache: number;
  /** The most that the results of operators hold, of all workers. */
  readonly activations: number;
  /** Node, ONNX Runtime, its threads and programs. */
  readonly process: number;
  readonly total: number;
}

/** Resident memory of a sampling process before a model is loaded, and what a worker thread adds, bytes. Measured: Node 24, Linux. */
const PROCESS = 140e6;
const WORKER = 60e6;
/** What the runtime's memory arenas hold for every byte that is alive, at the peak. Measured. */
const ARENA = 1.3;
/** Memory of a program, bytes an operator. Measured. */
const OPERATOR = 12e3;
/** Share of the memory for keys and values that is for samples; the rest is for what prompts begin with. */
const SAMPLES_SHARE = 0.8;

/** Predicts the memory of a sampling process that samples, and scores what it sampled. */
export function predictSamplingMemory(plan: PlannedSampling): SamplingMemory {
  const { config, workers, slots = 64, cacheBytes, promptTokens, maxNewTokens, hardware } = plan;
  const capacity = capacityFor(promptTokens + maxNewTokens);
  const share = (SAMPLES_SHARE * cacheBytes) / workers;
  const fitting = Math.min(slots, Math.floor(share / (capacity * bytesPerPosition(config))));
  const batch = 2 ** Math.floor(Math.log2(Math.max(2, fitting)));
  const length = 32 * Math.ceil((promptTokens + maxNewTokens) / 32);
  const graphs = [
    traceDecode(config, undefined, { batch, length: 1, capacity, rows: batch, tempered: true }),
    traceDecode(config, undefined, {
      batch: PREFILL_BATCH,
      length: PREFIX_BLOCK,
      capacity: capacityFor(promptTokens),
      rows: PREFILL_BATCH,
      tempered: true,
    }),
    traceScoring(config, undefined, {
      batch: Math.max(2, Math.floor(TOKENS_PER_RUN / length)),
      length,
      capacity: 0,
      places: TOKENS_PER_RUN,
    }),
  ].map((graph): Graph =>
    hardware?.precision === 'float16' ? halfPrecision(graph, hardware.device) : graph,
  );
  const weights = [...parameterSpecs(config).values()].reduce((sum, spec) => sum + bytesOf(spec), 0);
  const cache = workers * batch * capacity * bytesPerPosition(config);
  const activations = workers * ARENA * graphs.reduce((sum, graph) => sum + peakBytes(graph).activations, 0);
  const operators = graphs.reduce((sum, graph) => sum + graph.liveNodes().length, 0);
  const process = PROCESS + workers * (WORKER + OPERATOR * operators);
  return {
    weights,
    cache,
    activations: Math.round(activations),
    process,
    total: Math.round(weights + cache + activations + process),
  };
}
