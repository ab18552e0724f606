// A model on disk, a folder in Hugging Face layout or a GGUF file: configuration, weights, tokenizer.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { sizeOf } from '@overtone/tensor';
import { type DecoderConfig } from './config.ts';
import { ModelError } from './model-error.ts';
import {
  COMPANIONS,
  filesIn,
  ggufOf,
  INDEX_FILE,
  readDecoderConfig,
  writeCompanions,
} from './model-files.ts';
import { writeCheckpoint, type WriteOptions } from './safetensors-writer.ts';
import { reason, type NamedTensor } from './tensor-file.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { checkWeights, openWeights, weightFiles } from './weights.ts';

/** A decoder's parameters by name, float32. */
export type ParameterMap = ReadonlyMap<string, NamedTensor>;

/** A model, loaded. */
export interface Model {
  /** The folder, or the GGUF file. */
  readonly folder: string;
  readonly config: DecoderConfig;
  readonly parameters: ParameterMap;
  readonly tokenizer: Tokenizer;
}

/** How to load. */
export interface LoadOptions {
  readonly signal?: AbortSignal;
}

/** How to read one tensor after the other. */
export interface StreamOptions extends LoadOptions {
  /**
   * Tensors whose numbers nobody needs any more when the next one is asked for: they share one memory. What is left to the garbage
   * collector would lie beside the others for a while, gigabytes of it. Default: none.
   */
  readonly passing?: (name: string) => boolean;
}

/**
 * Reads the parameters of a model folder or GGUF file as float32, one tensor after the other straight into shared memory: worker
 * threads can use them without a copy, and beside them only a few MiB are needed.
 *
 * @throws {ModelError} naming the file, and the tensor with the shape that it should have.
 */
export async function* streamParameters(
  model: string,
  config: DecoderConfig,
  { signal, passing = () => false }: StreamOptions = {},
): AsyncGenerator<readonly [name: string, tensor: NamedTensor]> {
  const weights = await openWeights(model);
  try {
    const shapes = checkWeights(config, weights);
    const sizes = [...shapes].filter(([name]) => passing(name)).map(([, shape]) => sizeOf(shape));
    const shared = new Float32Array(Math.max(0, ...sizes));
    const passed = (count: number): Float32Array => shared.subarray(0, count);
    for (const name of shapes.keys())
      yield [name, await weights.read(name, signal, passing(name) ? passed : undefined)];
  } finally {
    await weights.close();
  }
}

/** All that `streamParameters` reads. */
export async function readParameters(
  model: string,
  config: DecoderConfig,
  options: LoadOptions = {},
): Promise<ParameterMap> {
  const parameters = new Map<string, NamedTensor>();
  for await (const [name, tensor] of streamParameters(model, config, options)) parameters.set(name, tensor);
  return parameters;
}

/** Loads a model folder or a GGUF file. Throws a ModelError for what does not fit together, before any weights are read. */
export async function loadModel(model: string, options: LoadOptions = {}): Promise<Model> {
  const config = await readDecoderConfig(model);
  const tokenizer = await readTokenizer(model);
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new ModelError(
      `${model}: tokenizer.json has ${tokenizer.vocabSize} tokens, config.json a vocabulary of ${config.vocabSize}: they do not belong together`,
    );
  }
  return { folder: model, config, parameters: await readParameters(model, config, options), tokenizer };
}

/**
 * Writes a model folder: weights, and the configuration and tokenizer of another model.
 *
 * @param options Format and size of the shards; default: float32 in one file.
 */
export async function writeModel(
  folder: string,
  source: string,
  parameters: ParameterMap,
  options: WriteOptions & { readonly maxShardBytes?: number } = {},
): Promise<void> {
  await writeCompanions(folder, source, options.dtype).catch((cause: unknown) => {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(`${folder}: cannot be written: ${reason(cause)}`, { cause });
  });
  const shapes = new Map([...parameters].map(([name, { shape }]) => [name, shape]));
  const read = (name: string): NamedTensor => parameters.get(name) ?? { shape: [], data: new Float32Array() };
  await writeCheckpoint(folder, { shapes, read }, options);
}

async function fileDigest(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash, { signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ModelError(`${path}: cannot be read: ${reason(cause)}`, { cause });
  }
  return hash.digest('hex');
}

/** SHA-256 over the files that determine what a model computes. Streams: no file is in memory as a whole. */
export async function modelDigest(model: string, options: LoadOptions = {}): Promise<string> {
  const gguf = await ggufOf(model);
  const files =
    gguf === undefined
      ? [
          ...(await filesIn(model)).filter((file) => COMPANIONS.includes(file) || file === INDEX_FILE),
          ...(await weightFiles(model)),
        ]
          .sort()
          .map((file) => join(model, file))
      : [gguf];
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await fileDigest(file, options.signal);
    hash.update(`${gguf === undefined ? basename(file) : 'gguf'}\0${content}\n`);
  }
  return hash.digest('hex');
}

/** What a model is, without reading its weights. */
export interface ModelDescription {
  readonly config: DecoderConfig;
  /** Numbers in the weights that the decoder uses. */
  readonly parameters: number;
  /** The formats of the weights on disk, the one with most numbers first. */
  readonly dtypes: readonly string[];
  /** Bytes that the weights take when loaded. */
  readonly loadedBytes: number;
}

/** Describes a model from its configuration and the headers of its weights, which are checked against each other. */
export async function describeModel(model: string): Promise<ModelDescription> {
  const config = await readDecoderConfig(model);
  const weights = await openWeights(model);
  try {
    const numbers = new Map<string, number>();
    for (const [name, shape] of checkWeights(config, weights)) {
      const { dtype } = weights.entries.get(name) ?? { dtype: '' };
      numbers.set(dtype, (numbers.get(dtype) ?? 0) + sizeOf(shape));
    }
    const parameters = [...numbers.values()].reduce((sum, count) => sum + count, 0);
    const dtypes = [...numbers].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype);
    return { config, parameters, dtypes, loadedBytes: 4 * parameters };
  } finally {
    await weights.close();
  }
}
