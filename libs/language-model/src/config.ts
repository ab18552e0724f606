// The shape of a decoder, read from a Hugging Face `config.json`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ModelError } from './model-error.ts';

/** What a decoder needs to know of itself; names as in `config.json`, in camel case. */
export interface DecoderConfig {
  readonly architecture: 'Qwen3ForCausalLM';
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositionEmbeddings: number;
  /** Standard deviation of an untrained model's weights. */
  readonly initializerRange: number;
}

/** What Qwen3's configuration class assumes when `head_dim` is absent. */
const QWEN3_HEAD_DIM = 128;

type Json = Readonly<Record<string, unknown>>;

function integer(config: Json, key: string, path: string, fallback?: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new ModelError(`${path}: ${key} must be a positive integer, got ${JSON.stringify(config[key])}`);
  }
  return value;
}

function real(config: Json, key: string, path: string, fallback: number): number {
  const value = config[key] ?? fallback;
  if (typeof value !== 'number' || !(value > 0)) {
    throw new ModelError(`${path}: ${key} must be a positive number, got ${JSON.stringify(config[key])}`);
  }
  return value;
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses the content of a `config.json`.
 *
 * @param path Named in errors.
 * @throws {ModelError} for another architecture, an unsupported option, or a value that makes no sense.
 */
export function parseDecoderConfig(value: unknown, path = 'config.json'): DecoderConfig {
  if (!isJsonObject(value)) throw new ModelError(`${path}: expected a JSON object`);
  const architectures = value['architectures'];
  const architecture: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  if (architecture !== 'Qwen3ForCausalLM') {
    throw new ModelError(
      `${path}: architecture ${JSON.stringify(architecture)} is not supported; supported: Qwen3ForCausalLM`,
    );
  }
  if (value['hidden_act'] !== undefined && value['hidden_act'] !== 'silu') {
    throw new ModelError(
      `${path}: hidden_act ${JSON.stringify(value['hidden_act'])} is not supported; Qwen3 uses silu`,
    );
  }
  if (value['attention_bias'] === true) throw new ModelError(`${path}: attention_bias is not supported`);
  if (value['use_sliding_window'] === true)
    throw new ModelError(`${path}: use_sliding_window is not supported`);
  if (value['rope_scaling'] !== undefined && value['rope_scaling'] !== null) {
    throw new ModelError(`${path}: rope_scaling is not supported`);
  }
  // Newer configurations keep the base of the rotary embedding in an object of its own.
  const rope = isJsonObject(value['rope_parameters']) ? value['rope_parameters'] : value;
  if (rope['rope_type'] !== undefined && rope['rope_type'] !== 'default') {
    throw new ModelError(
      `${path}: rope_type ${JSON.stringify(rope['rope_type'])} is not supported; supported: default`,
    );
  }
  const hiddenSize = integer(value, 'hidden_size', path);
  const numAttentionHeads = integer(value, 'num_attention_heads', path);
  const numKeyValueHeads = integer(value, 'num_key_value_heads', path, numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw new ModelError(
      `${path}: num_attention_heads ${numAttentionHeads} is not a multiple of num_key_value_heads ${numKeyValueHeads}`,
    );
  }
  const headDim = integer(value, 'head_dim', path, QWEN3_HEAD_DIM);
  if (headDim % 2 !== 0) throw new ModelError(`${path}: head_dim ${headDim} must be even`);
  return {
    architecture,
    vocabSize: integer(value, 'vocab_size', path),
    hiddenSize,
    intermediateSize: integer(value, 'intermediate_size', path),
    numHiddenLayers: integer(value, 'num_hidden_layers', path),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    rmsNormEps: real(value, 'rms_norm_eps', path, 1e-6),
    ropeTheta: real(rope, 'rope_theta', path, 10_000),
    tieWordEmbeddings: value['tie_word_embeddings'] === true,
    maxPositionEmbeddings: integer(value, 'max_position_embeddings', path),
    initializerRange: real(value, 'initializer_range', path, 0.02),
  };
}

/** Reads a JSON file. Throws a ModelError that names the file and what to do. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ModelError(
      `${path}: cannot be read; a model folder holds config.json, tokenizer.json, tokenizer_config.json and *.safetensors`,
      { cause },
    );
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ModelError(`${path}: is not JSON`, { cause });
  }
}

/** Reads `config.json` of a model folder. */
export async function readDecoderConfig(folder: string): Promise<DecoderConfig> {
  const path = join(folder, 'config.json');
  return parseDecoderConfig(await readJson(path), path);
}
