// How a decoder's rotary position embedding is scaled, read from `rope_parameters` or `rope_theta` and `rope_scaling`.
import { flag, isJsonObject, type JsonObject, positiveInteger, positiveNumber } from './config-values.ts';
import { ModelError } from './model-error.ts';

/** The rotary embedding of a configuration; names as in `config.json`, in camel case. */
export type RopeConfig =
  | { readonly type: 'default'; readonly theta: number }
  | { readonly type: 'linear'; readonly theta: number; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly theta: number;
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    }
  | {
      readonly type: 'yarn';
      readonly theta: number;
      readonly factor: number;
      /** Multiplies cosines and sines. */
      readonly attentionFactor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly truncate: boolean;
      readonly originalMaxPositionEmbeddings: number;
    };

/** The rope types that are supported. */
export const ROPE_TYPES = ['default', 'linear', 'llama3', 'yarn'] as const;

/** transformers' RotaryEmbeddingConfigMixin.default_theta. */
const DEFAULT_THETA = 10_000;

function notEmpty(value: unknown): value is JsonObject {
  return isJsonObject(value) && Object.keys(value).length > 0;
}

/** YaRN's temperature (Peng et al. 2023, equation 22), with the multiplier that DeepSeek's configurations add. */
function yarnScale(factor: number, mscale = 1): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/**
 * Reads the rotary settings of a `config.json`, in the form of transformers 5 (`rope_parameters`) or the older one
 * (`rope_theta` beside `rope_scaling`, whose type may be called `type`). Where both are there, `rope_scaling` counts, as in transformers.
 *
 * @throws {ModelError} for another rope type, or a value that makes no sense.
 */
export function parseRopeConfig(config: JsonObject, path: string, maxPositionEmbeddings: number): RopeConfig {
  const key = notEmpty(config['rope_scaling']) ? 'rope_scaling' : 'rope_parameters';
  const found = config[key] ?? {};
  if (!isJsonObject(found)) throw new ModelError(`${path}: ${key} must be an object`);
  const rope: JsonObject = { rope_theta: config['rope_theta'], ...found };
  const where = `${path}: ${key}`;
  if (Object.values(rope).some(isJsonObject)) {
    throw new ModelError(`${where}: settings of each layer type are not supported`);
  }
  const partial = rope['partial_rotary_factor'] ?? config['partial_rotary_factor'] ?? 1;
  if (partial !== 1) {
    throw new ModelError(`${path}: partial_rotary_factor ${JSON.stringify(partial)} is not supported`);
  }
  const theta = positiveNumber(rope, 'rope_theta', where, DEFAULT_THETA);
  const type = rope['rope_type'] ?? rope['type'] ?? 'default';
  if (type === 'default') return { type, theta };
  if (type === 'linear') return { type, theta, factor: positiveNumber(rope, 'factor', where) };
  if (type !== 'llama3' && type !== 'yarn') {
    throw new ModelError(
      `${path}: rope_type ${JSON.stringify(type)} is not supported; supported: ${ROPE_TYPES.join(', ')}`,
    );
  }
  // Some configurations keep the length of pre-training outside; that one counts.
  const outside = { ...rope, original_max_position_embeddings: config['original_max_position_embeddings'] };
  const originalMaxPositionEmbeddings = positiveInteger(
    config['original_max_position_embeddings'] == null ? rope : outside,
    'original_max_position_embeddings',
    where,
    maxPositionEmbeddings,
  );
  if (type === 'llama3') {
    const lowFreqFactor = positiveNumber(rope, 'low_freq_factor', where);
    const highFreqFactor = positiveNumber(rope, 'high_freq_factor', where);
    if (highFreqFactor <= lowFreqFactor) {
      throw new ModelError(
        `${where}: high_freq_factor ${highFreqFactor} must be above low_freq_factor ${lowFreqFactor}`,
      );
    }
    const factor = positiveNumber(rope, 'factor', where);
    return { type, theta, factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings };
  }
  const factor = positiveNumber(rope, 'factor', where, maxPositionEmbeddings / originalMaxPositionEmbeddings);
  const mscale = rope['mscale'];
  const mscaleAllDim = rope['mscale_all_dim'];
  const ratio =
    typeof mscale === 'number' && typeof mscaleAllDim === 'number' && mscale !== 0 && mscaleAllDim !== 0
      ? yarnScale(factor, mscale) / yarnScale(factor, mscaleAllDim)
      : yarnScale(factor);
  return {
    type,
    theta,
    factor,
    attentionFactor: positiveNumber(rope, 'attention_factor', where, ratio),
    betaFast: positiveNumber(rope, 'beta_fast', where, 32),
    betaSlow: positiveNumber(rope, 'beta_slow', where, 1),
    truncate: flag(rope, 'truncate', where, true),
    originalMaxPositionEmbeddings,
  };
}
