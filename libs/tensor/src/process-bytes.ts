// What a process holds beside weights and results: measured, since no shape tells it. Node 24, ONNX Runtime 1.30, Linux.

/** Node with a service loaded, bytes. */
const SERVICE = 155e6;
/** ONNX Runtime: its libraries as far as they are used, its own threads, bytes. */
const RUNTIME = 40e6;
/** A worker thread: its heap, and the modules that it loads again, bytes. */
const THREAD = 65e6;
/** A token of the vocabulary, in a thread's tokenizer, bytes. */
const TOKEN = 900;
/** An operator of a program, in TensorFlow.js and in ONNX Runtime, bytes. */
const OPERATOR = 12e3;
/** How often a constant exists: as it was traced, in the model, in the session. */
const CONSTANT_COPIES = 3;
/** Memory of buffers that Node lets pile up before it looks for those that nobody needs, bytes. */
const UNCOLLECTED = 64e6;

/** What is loaded into a process. */
export interface LoadedProcess {
  /** Worker threads, each with a tokenizer. */
  readonly threads: number;
  /** Tokens in the vocabulary. */
  readonly vocabulary: number;
  /** Operators of all programs. */
  readonly operators: number;
  /** Constants of all programs, bytes. */
  readonly constants: number;
}

/** Resident memory of a service's process without weights, caches, and results of operators, bytes. */
export function processBytes({ threads, vocabulary, operators, constants }: LoadedProcess): number {
  const perThread = THREAD + TOKEN * vocabulary;
  return SERVICE + RUNTIME + threads * perThread + OPERATOR * operators + CONSTANT_COPIES * constants;
}

/** What a thread has not given back yet of what earlier runs of a program returned, bytes. `outputs`: what one run returns. */
export function uncollectedBytes(outputs: number): number {
  return Math.min(UNCOLLECTED, 3 * outputs);
}
