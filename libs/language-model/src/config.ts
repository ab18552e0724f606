// The shape of a decoder, read from a Hugging Face `config.json`.
import { flag, isJsonObject, type JsonObject, positiveInteger, positiveNumber } from './config-values.ts';
import { ModelError } from './model-error.ts';
import { type Projection } from './parameters.ts';
import { parseRopeConfig, type RopeConfig } from './rope-config.ts';

export { isJsonObject, readJson } from './config-values.ts';

/** The architectures that are supported. */
export const ARCHITECTURES = ['Qwen3ForCausalLM', 'Qwen2ForCausalLM', 'LlamaForCausalLM'] as const;

/** One of them. */
export type Architecture = (typeof ARCHITECTURES)[number];

/** What a decoder needs to know of itself; names as in `config.json`, in camel case. */
export interface DecoderConfig {
  readonly architecture: Architecture;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  /** Whether queries and keys are normalised, each head by itself. */
  readonly qkNorm: boolean;
  /** The projections that add a bias. */
  readonly biases: readonly Projection[];
  readonly rope: RopeConfig;
  readonly tieWordEmbeddings: boolean;
  readonly maxPositionEmbeddings: number;
  /** Standard deviation of an untrained model's weights. */
  readonly initializerRange: number;
}

/** What Qwen3's configuration class assumes when `head_dim` is absent; Qwen2 and Llama divide the hidden size by the heads. */
const QWEN3_HEAD_DIM = 128;

const ATTENTION = ['q_proj', 'k_proj', 'v_proj', 'o_proj'] as const;
const MLP = ['gate_proj', 'up_proj', 'down_proj'] as const;

function architectureOf(config: JsonObject, path: string): Architecture {
  const architectures = config['architectures'];
  const name: unknown = Array.isArray(architectures) ? architectures[0] : undefined;
  const known = ARCHITECTURES.find((architecture) => architecture === name);
  if (known) return known;
  throw new ModelError(
    `${path}: architecture ${JSON.stringify(name)} is not supported; supported: ${ARCHITECTURES.join(', ')}`,
  );
}

/** The projections of an architecture that add a bias, in transformers' modelling files. */
function biasesOf(architecture: Architecture, config: JsonObject, path: string): Projection[] {
  // Qwen2 has no such option: its queries, keys and values always add one.
  if (architecture === 'Qwen2ForCausalLM') return ['q_proj', 'k_proj', 'v_proj'];
  return [
    ...(flag(config, 'attention_bias', path, false) ? ATTENTION : []),
    ...(architecture === 'LlamaForCausalLM' && flag(config, 'mlp_bias', path, false) ? MLP : []),
  ];
}

/** Refuses what would change the computation and is not implemented. */
function refuseUnsupported(config: JsonObject, architecture: Architecture, path: string): void {
  const activation = config['hidden_act'] ?? 'silu';
  if (activation !== 'silu') {
    throw new ModelError(
      `${path}: hidden_act ${JSON.stringify(activation)} is not supported; ${architecture} uses silu`,
    );
  }
  if (config['use_sliding_window'] === true) {
    throw new ModelError(`${path}: use_sliding_window is not supported`);
  }
  const layerTypes = config['layer_types'];
  const other: unknown = Array.isArray(layerTypes)
    ? layerTypes.find((type) => type !== 'full_attention')
    : undefined;
  if (other !== undefined) {
    throw new ModelError(
      `${path}: layer_types names ${JSON.stringify(other)}, which is not supported; supported: full_attention`,
    );
  }
  if (isJsonObject(config['quantization_config'])) {
    throw new ModelError(
      `${path}: quantization_config ${JSON.stringify(config['quantization_config']['quant_method'])} is not supported; use the checkpoint in bf16, f16 or f32`,
    );
  }
}

/**
 * Parses the content of a `config.json`.
 *
 * @param path Named in errors.
 * @throws {ModelError} for another architecture, an unsupported option, or a value that makes no sense.
 */
export function parseDecoderConfig(value: unknown, path = 'config.json'): DecoderConfig {
  if (!isJsonObject(value)) throw new ModelError(`${path}: expected a JSON object`);
  const architecture = architectureOf(value, path);
  refuseUnsupported(value, architecture, path);
  const hiddenSize = positiveInteger(value, 'hidden_size', path);
  const numAttentionHeads = positiveInteger(value, 'num_attention_heads', path);
  const numKeyValueHeads = positiveInteger(value, 'num_key_value_heads', path, numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw new ModelError(
      `${path}: num_attention_heads ${numAttentionHeads} is not a multiple of num_key_value_heads ${numKeyValueHeads}`,
    );
  }
  const isQwen3 = architecture === 'Qwen3ForCausalLM';
  const headDim = positiveInteger(
    value,
    'head_dim',
    path,
    isQwen3 ? QWEN3_HEAD_DIM : Math.floor(hiddenSize / numAttentionHeads),
  );
  if (headDim % 2 !== 0) throw new ModelError(`${path}: head_dim ${headDim} must be even`);
  const maxPositionEmbeddings = positiveInteger(value, 'max_position_embeddings', path);
  return {
    architecture,
    vocabSize: positiveInteger(value, 'vocab_size', path),
    hiddenSize,
    intermediateSize: positiveInteger(value, 'intermediate_size', path),
    numHiddenLayers: positiveInteger(value, 'num_hidden_layers', path),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    rmsNormEps: positiveNumber(value, 'rms_norm_eps', path, 1e-6),
    qkNorm: isQwen3,
    biases: biasesOf(architecture, value, path),
    rope: parseRopeConfig(value, path, maxPositionEmbeddings),
    tieWordEmbeddings: flag(value, 'tie_word_embeddings', path, false),
    maxPositionEmbeddings,
    initializerRange: positiveNumber(value, 'initializer_range', path, 0.02),
  };
}
