// The config.json that a GGUF file's metadata amounts to.
import { type JsonObject } from '../config-values.ts';
import { ModelError } from '../model-error.ts';
import { type GgufMetadata } from './metadata.ts';

/** GGUF's architectures that are supported, with the names in config.json. */
const ARCHITECTURES: Readonly<Record<string, { readonly name: string; readonly type: string }>> = {
  llama: { name: 'LlamaForCausalLM', type: 'llama' },
  qwen2: { name: 'Qwen2ForCausalLM', type: 'qwen2' },
  qwen3: { name: 'Qwen3ForCausalLM', type: 'qwen3' },
};

/** Whether a file holds a tensor under ggml's name. */
export type Holds = (name: string) => boolean;

/** Metadata that changes the computation and that config.json has no word for in these architectures. */
const REFUSED: readonly (readonly [key: string, neutral: number])[] = [
  ['expert_count', 0],
  ['logit_scale', 0],
  ['residual_scale', 0],
  ['embedding_scale', 0],
  ['attention.scale', 0],
  ['attention.sliding_window', 0],
];

/** Llama 3's wavelengths, which GGUF files leave out: they hold the factors that result. */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

function refuseUnsupported(metadata: GgufMetadata, architecture: string): void {
  for (const [key, neutral] of REFUSED) {
    const value = metadata.maybeNumber(`${architecture}.${key}`) ?? neutral;
    if (value !== neutral)
      throw new ModelError(`${metadata.path}: ${architecture}.${key} ${value} is not supported`);
  }
}

/** What Llama 3's rule divides each frequency by (transformers' _compute_llama3_parameters). */
function llama3Factors(theta: number, headDim: number, factor: number): number[] {
  const { low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: length } = LLAMA3;
  return Array.from({ length: headDim / 2 }, (_, index) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * index) / headDim);
    if (wavelength < length / high) return 1;
    if (wavelength > length / low) return factor;
    const smooth = (length / wavelength - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

function ropeScaling(
  metadata: GgufMetadata,
  architecture: string,
  theta: number,
  headDim: number,
  factors: Float32Array | undefined,
): JsonObject | null {
  const { path } = metadata;
  const key = (name: string): string => `${architecture}.rope.scaling.${name}`;
  const type = metadata.maybeText(key('type')) ?? 'none';
  if (factors !== undefined) {
    const factor = Math.max(...factors);
    const expected = llama3Factors(theta, headDim, factor);
    const same =
      factors.length === expected.length &&
      expected.every((value, index) => Math.abs((factors[index] ?? 0) - value) <= 1e-4 * value);
    if (!same || type !== 'none') {
      throw new ModelError(
        `${path}: rope_freqs.weight does not follow Llama 3's rule, other rotary factors are not supported; use the safetensors checkpoint`,
      );
    }
    return { rope_type: 'llama3', factor, ...LLAMA3 };
  }
  if (type === 'none') return null;
  const factor = metadata.maybeNumber(key('factor'));
  const original = metadata.maybeNumber(key('original_context_length'));
  const attention = metadata.maybeNumber(key('attn_factor'));
  return {
    rope_type: type,
    factor,
    ...(original === undefined ? {} : { original_max_position_embeddings: original }),
    ...(attention === undefined ? {} : { attention_factor: attention }),
  };
}

/**
 * The `config.json` object of a GGUF file.
 *
 * @param ropeFactors The values of `rope_freqs.weight`, where the file has it.
 * @throws {ModelError} for another architecture, or metadata that is not supported.
 */
export function ggufConfig(metadata: GgufMetadata, holds: Holds, ropeFactors?: Float32Array): JsonObject {
  const { path } = metadata;
  const architecture = metadata.text('general.architecture');
  const known = Object.hasOwn(ARCHITECTURES, architecture) ? ARCHITECTURES[architecture] : undefined;
  if (known === undefined) {
    throw new ModelError(
      `${path}: architecture ${JSON.stringify(architecture)} is not supported; supported: ${Object.keys(ARCHITECTURES).join(', ')}`,
    );
  }
  if ((metadata.maybeNumber('split.count') ?? 1) > 1)
    throw new ModelError(`${path}: is one part of several; join them with llama-gguf-split --merge`);
  refuseUnsupported(metadata, architecture);
  const hidden = metadata.number(`${architecture}.embedding_length`);
  const heads = metadata.number(`${architecture}.attention.head_count`);
  const rotary = metadata.maybeNumber(`${architecture}.rope.dimension_count`);
  const headDim = metadata.maybeNumber(`${architecture}.attention.key_length`) ?? rotary ?? hidden / heads;
  const valueDim = metadata.maybeNumber(`${architecture}.attention.value_length`) ?? headDim;
  if ((rotary ?? headDim) !== headDim || valueDim !== headDim) {
    throw new ModelError(
      `${path}: heads of ${headDim} with values of ${valueDim} and ${rotary} rotated dimensions are not supported; all must be equal`,
    );
  }
  const theta = metadata.maybeNumber(`${architecture}.rope.freq_base`) ?? 10_000;
  const id = (name: string): number | undefined => metadata.maybeNumber(`tokenizer.ggml.${name}_token_id`);
  const ends = [id('eos'), id('eot')].filter((value) => value !== undefined);
  return {
    architectures: [known.name],
    model_type: known.type,
    vocab_size: metadata.texts('tokenizer.ggml.tokens').length,
    hidden_size: hidden,
    intermediate_size: metadata.number(`${architecture}.feed_forward_length`),
    num_hidden_layers: metadata.number(`${architecture}.block_count`),
    num_attention_heads: heads,
    num_key_value_heads: metadata.maybeNumber(`${architecture}.attention.head_count_kv`) ?? heads,
    head_dim: headDim,
    hidden_act: 'silu',
    max_position_embeddings: metadata.number(`${architecture}.context_length`),
    rms_norm_eps: metadata.number(`${architecture}.attention.layer_norm_rms_epsilon`),
    rope_theta: theta,
    rope_scaling: ropeScaling(metadata, architecture, theta, headDim, ropeFactors),
    attention_bias: holds('blk.0.attn_q.bias'),
    mlp_bias: holds('blk.0.ffn_gate.bias'),
    tie_word_embeddings: !holds('output.weight'),
    bos_token_id: id('bos') ?? null,
    eos_token_id: ends.length > 1 ? [...new Set(ends)] : (ends[0] ?? null),
  };
}
