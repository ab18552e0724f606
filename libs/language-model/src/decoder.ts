// A decoder, Qwen3, Qwen2 or Llama as its configuration says, written once with TensorFlow.js operators: traced for training,
// scoring, prefill and decoding, and run eagerly as the oracle of its own tests.
import * as tf from '@tensorflow/tfjs-core';
import {
  cachedAttention,
  gatherRows,
  recomputed,
  rmsNorm,
  rotaryEmbedding,
  rotaryTable,
  silu,
  type RotaryTable,
} from '@overtone/tensor';
import { type DecoderConfig } from './config.ts';
import { headParameter, projectionModule, type Projection } from './parameters.ts';
import { rotaryFrequencies } from './rope.ts';

/** A decoder's parameters, by their checkpoint names. */
export type Weights = Readonly<Record<string, tf.Tensor>>;

/** Applies a linear module to [rows, in]; LoRA wraps this. */
export type Linear = (module: string, x: tf.Tensor2D) => tf.Tensor2D;

/** Keys and values of earlier tokens, one tensor of [batch, kvHeads, capacity, headDim] a layer. */
export interface Cache {
  readonly keys: readonly tf.Tensor4D[];
  readonly values: readonly tf.Tensor4D[];
  /** Added to the attention scores: 0 where a cached position is visible, very negative elsewhere; [batch, 1, 1, capacity]. */
  readonly bias: tf.Tensor4D;
}

/** Keys and values of earlier tokens into which those of one new token a sequence are put. */
export interface GrowingCache {
  /** One tensor of [batch, kvHeads, capacity, headDim] a layer. */
  readonly keys: readonly tf.Tensor4D[];
  readonly values: readonly tf.Tensor4D[];
  /** Cached positions of each sequence: [batch], int32. */
  readonly lengths: tf.Tensor1D;
}

/** What a decoder is run on. */
export interface DecoderInput {
  /** [batch, length], int32. */
  readonly tokens: tf.Tensor2D;
  /** [batch, length], int32. */
  readonly positions: tf.Tensor2D;
  /** Added to the attention scores among the new tokens; broadcasts to [batch, 1, length, length]. */
  readonly bias: tf.Tensor4D;
  /** Earlier tokens. Default: none. */
  readonly cache?: Cache;
}

/** What a decoder is run on for one new token a sequence; only while tracing. */
export interface DecoderStep {
  /** [batch, 1], int32. */
  readonly tokens: tf.Tensor2D;
  readonly growing: GrowingCache;
}

/** What a decoder returns. */
export interface DecoderOutput {
  /** After the final norm: [batch · length, hiddenSize]. */
  readonly hidden: tf.Tensor2D;
  /** The new tokens' keys, one tensor of [batch, kvHeads, length, headDim] a layer; of a step, the whole cache's. */
  readonly keys: tf.Tensor4D[];
  /** The new tokens' values, likewise. */
  readonly values: tf.Tensor4D[];
}

/** Hides a position from attention: far below every score, and finite. */
export const HIDDEN = -1e9;

/** The additive mask of plain causal attention: [1, 1, length, length]. */
export function causalBias(length: number): tf.Tensor4D {
  const bias = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? HIDDEN : 0,
  );
  return tf.tensor4d(bias, [1, 1, length, length]);
}

/** A parameter by name. Throws when it is missing. */
export function weight(weights: Weights, name: string): tf.Tensor {
  const tensor = weights[name];
  if (!tensor) throw new Error(`Parameter ${name} is missing`);
  return tensor;
}

/** y = x Wᵀ + b with the module's frozen or trained weight, and its bias where it has one. */
export function linearOf(weights: Weights): Linear {
  return (module, x) => {
    const y: tf.Tensor2D = tf.matMul(x, weight(weights, `${module}.weight`), false, true);
    const bias = weights[`${module}.bias`];
    return bias ? tf.add(y, bias) : y;
  };
}

/** Attention of grouped queries without repeating keys and values: the group's queries lie along the length axis. */
function attend(
  config: DecoderConfig,
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  input: DecoderInput,
  layer: number,
): tf.Tensor2D {
  const { numKeyValueHeads, numAttentionHeads, headDim } = config;
  const [batch, , length] = q.shape;
  const group = numAttentionHeads / numKeyValueHeads;
  const queries = tf.reshape(tf.mul(q, 1 / Math.sqrt(headDim)), [
    batch,
    numKeyValueHeads,
    group * length,
    headDim,
  ]);
  const ownBias = length === 1 ? input.bias : tf.tile(input.bias, [1, 1, group, 1]);
  const scores = tf.add(tf.matMul(queries, k, false, true), ownBias);
  let mixed: tf.Tensor;
  const cachedKeys = input.cache?.keys[layer];
  const cachedValues = input.cache?.values[layer];
  if (input.cache && cachedKeys && cachedValues) {
    const cachedScores = tf.add(tf.matMul(queries, cachedKeys, false, true), input.cache.bias);
    const capacity = cachedKeys.shape[2];
    // New tokens first: a token's place among the terms of the sums does not then depend on the cache's capacity.
    const probabilities = tf.softmax(tf.concat([scores, cachedScores], -1));
    const now = tf.slice(probabilities, [0, 0, 0, 0], [-1, -1, -1, length]);
    const past = tf.slice(probabilities, [0, 0, 0, length], [-1, -1, -1, capacity]);
    mixed = tf.add(tf.matMul(now, v), tf.matMul(past, cachedValues));
  } else {
    mixed = tf.matMul(tf.softmax(scores), v);
  }
  const heads = tf.reshape(mixed, [batch, numAttentionHeads, length, headDim]);
  return tf.reshape(tf.transpose(heads, [0, 2, 1, 3]), [batch * length, numAttentionHeads * headDim]);
}

/** A layer, as its attention sees it. */
interface Attention {
  readonly config: DecoderConfig;
  readonly layer: number;
  readonly table: RotaryTable;
  readonly norm: (x: tf.Tensor, name: string) => tf.Tensor;
  readonly project: (projection: Projection, x: tf.Tensor) => tf.Tensor2D;
}

interface Attended {
  /** [batch · length, heads · headDim]. */
  readonly mixed: tf.Tensor2D;
  readonly keys: tf.Tensor4D;
  readonly values: tf.Tensor4D;
}

/** Attention among new tokens, and to earlier ones. */
function sequenceAttention(
  { config, layer, table, norm, project }: Attention,
  x: tf.Tensor,
  input: DecoderInput,
): Attended {
  const { numKeyValueHeads, numAttentionHeads, headDim, qkNorm } = config;
  const [batch, length] = input.tokens.shape;
  const heads = (y: tf.Tensor, count: number): tf.Tensor4D => tf.reshape(y, [batch, length, count, headDim]);
  const headsFirst = (y: tf.Tensor): tf.Tensor4D => tf.transpose(y as tf.Tensor4D, [0, 2, 1, 3]);
  const headNorm = (y: tf.Tensor, name: string): tf.Tensor => (qkNorm ? norm(y, name) : y);
  const q = headsFirst(headNorm(heads(project('q_proj', x), numAttentionHeads), 'self_attn.q_norm'));
  const k = headsFirst(headNorm(heads(project('k_proj', x), numKeyValueHeads), 'self_attn.k_norm'));
  const values = headsFirst(heads(project('v_proj', x), numKeyValueHeads));
  const keys = rotaryEmbedding(k, input.positions, table);
  const mixed = attend(config, rotaryEmbedding(q, input.positions, table), keys, values, input, layer);
  return { mixed, keys, values };
}

/** Attention of one new token a sequence to itself and to the cache, which takes it in. */
function stepAttention(
  { config, layer, table, norm, project }: Attention,
  x: tf.Tensor,
  { growing }: DecoderStep,
): Attended {
  const { headDim, qkNorm } = config;
  const cachedKeys = growing.keys[layer];
  const cachedValues = growing.values[layer];
  if (!cachedKeys || !cachedValues) throw new Error(`The cache has no layer ${layer}`);
  const headNorm = (y: tf.Tensor2D, name: string): tf.Tensor2D =>
    qkNorm ? tf.reshape(norm(tf.reshape(y, [-1, headDim]), name), y.shape) : y;
  return cachedAttention({
    query: headNorm(project('q_proj', x), 'self_attn.q_norm'),
    key: headNorm(project('k_proj', x), 'self_attn.k_norm'),
    value: project('v_proj', x),
    cachedKeys,
    cachedValues,
    lengths: growing.lengths,
    table,
  });
}

/** The rotary table of a configuration for positions 0 … length − 1. */
export function rotaryTableOf(config: DecoderConfig, length: number): RotaryTable {
  const { inverseFrequencies, attentionFactor } = rotaryFrequencies(config.rope, config.headDim);
  return rotaryTable(length, inverseFrequencies, attentionFactor);
}

/** The trained parameters of a model as functions of tensors, so that a layer can be computed again for its gradient. */
export interface Trained {
  /** By name; those of a layer begin with `model.layers.<n>.`. */
  readonly parameters: Weights;
  /** The model with these in the place of the trained parameters of the same names. */
  readonly model: (parameters: Weights) => { readonly weights: Weights; readonly linear: Linear };
}

/** How a decoder is run. */
export interface DecodeOptions {
  /** Positions are below this. Default: the model's longest sequence. */
  readonly positionLimit?: number;
  /**
   * Gradient checkpointing: of each layer its input alone is kept for the gradient, and the rest computed once more. Keys and values are then
   * not returned. Default: everything is kept.
   */
  readonly checkpointing?: Trained | undefined;
}

/** Runs the decoder's layers. */
export function decode(
  config: DecoderConfig,
  weights: Weights,
  linear: Linear,
  input: DecoderInput | DecoderStep,
  { positionLimit = config.maxPositionEmbeddings, checkpointing }: DecodeOptions = {},
): DecoderOutput {
  const [batch, length] = input.tokens.shape;
  const table = rotaryTableOf(config, positionLimit);
  const keys: tf.Tensor4D[] = [];
  const values: tf.Tensor4D[] = [];
  let hidden: tf.Tensor = gatherRows(
    weight(weights, 'model.embed_tokens.weight') as tf.Tensor2D,
    tf.reshape(input.tokens, [batch * length]),
  );
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    if (checkpointing && 'bias' in input) {
      hidden = checkpointedLayer(config, layer, table, checkpointing, hidden, input);
      continue;
    }
    const computed = decoderLayer({ config, layer, table, weights, linear }, hidden, input);
    hidden = computed.hidden;
    keys.push(computed.keys);
    values.push(computed.values);
  }
  return {
    hidden: rmsNorm(hidden, weight(weights, 'model.norm.weight'), config.rmsNormEps) as tf.Tensor2D,
    keys,
    values,
  };
}

/** A layer with its parameters. */
interface DecoderLayer {
  readonly config: DecoderConfig;
  readonly layer: number;
  readonly table: RotaryTable;
  readonly weights: Weights;
  readonly linear: Linear;
}

function decoderLayer(
  { config, layer, table, weights, linear }: DecoderLayer,
  hidden: tf.Tensor,
  input: DecoderInput | DecoderStep,
): { hidden: tf.Tensor; keys: tf.Tensor4D; values: tf.Tensor4D } {
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    rmsNorm(x, weight(weights, `model.layers.${layer}.${name}.weight`), config.rmsNormEps);
  const project = (projection: Projection, x: tf.Tensor): tf.Tensor2D =>
    linear(projectionModule(layer, projection), x as tf.Tensor2D);
  const x = norm(hidden, 'input_layernorm');
  const parts: Attention = { config, layer, table, norm, project };
  const { mixed, keys, values } =
    'growing' in input ? stepAttention(parts, x, input) : sequenceAttention(parts, x, input);
  const attended = tf.add(hidden, project('o_proj', mixed));
  const y = norm(attended, 'post_attention_layernorm');
  const gated = tf.mul(silu(project('gate_proj', y)), project('up_proj', y));
  return { hidden: tf.add(attended, project('down_proj', gated)), keys, values };
}

/** A layer of whose results nothing but the last is kept. */
function checkpointedLayer(
  config: DecoderConfig,
  layer: number,
  table: RotaryTable,
  { parameters, model }: Trained,
  hidden: tf.Tensor,
  input: DecoderInput,
): tf.Tensor {
  const own = Object.entries(parameters).filter(([name]) => name.startsWith(`model.layers.${layer}.`));
  const names = own.map(([name]) => name);
  return recomputed(
    [hidden, ...own.map(([, tensor]) => tensor)],
    [input.positions, input.bias, table.cos, table.sin],
    ([x, ...trained], [positions, bias, cos, sin]) => {
      if (!x) throw new Error('A layer needs an input');
      const layerParameters = Object.fromEntries(
        trained.map((tensor, index) => [names[index] ?? '', tensor] as const),
      );
      const again = {
        tokens: input.tokens,
        positions: positions as tf.Tensor2D,
        bias: bias as tf.Tensor4D,
      };
      const turning = { cos: cos as tf.Tensor2D, sin: sin as tf.Tensor2D };
      return decoderLayer({ config, layer, table: turning, ...model(layerParameters) }, x, again).hidden;
    },
  );
}

/** The head's weight, that of the embedding when they are tied: [vocabulary, hiddenSize]. */
export function headWeight(config: DecoderConfig, weights: Weights): tf.Tensor2D {
  return weight(weights, headParameter(config)) as tf.Tensor2D;
}

/** Logits of hidden states: [rows, hiddenSize] → [rows, vocabulary]. */
export function headLogits(config: DecoderConfig, weights: Weights, hidden: tf.Tensor2D): tf.Tensor2D {
  return tf.matMul(hidden, headWeight(config, weights), false, true);
}
