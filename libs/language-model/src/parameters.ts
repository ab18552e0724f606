// The parameters of a decoder: their names and shapes, as Hugging Face checkpoints hold them.
import { type TensorSpec } from '@overtone/tensor';
import { type DecoderConfig } from './config.ts';

/** The linear projections of a decoder layer, by the last part of their name. */
export const PROJECTIONS = [
  'q_proj',
  'k_proj',
  'v_proj',
  'o_proj',
  'gate_proj',
  'up_proj',
  'down_proj',
] as const;

/** The weight whose rows are what tokens become; tied, also that of the head. */
export const EMBEDDING = 'model.embed_tokens.weight';

/** One of a layer's linear projections. */
export type Projection = (typeof PROJECTIONS)[number];

/** The module that holds a projection, for example `model.layers.0.self_attn.q_proj`. */
export function projectionModule(layer: number, projection: Projection): string {
  const block =
    projection === 'gate_proj' || projection === 'up_proj' || projection === 'down_proj'
      ? 'mlp'
      : 'self_attn';
  return `model.layers.${layer}.${block}.${projection}`;
}

/** [out, in] of a projection's weight. */
export function projectionShape(
  config: DecoderConfig,
  projection: Projection,
): [rows: number, columns: number] {
  const { hiddenSize, intermediateSize, headDim } = config;
  const queries = config.numAttentionHeads * headDim;
  const keys = config.numKeyValueHeads * headDim;
  switch (projection) {
    case 'q_proj':
      return [queries, hiddenSize];
    case 'k_proj':
    case 'v_proj':
      return [keys, hiddenSize];
    case 'o_proj':
      return [hiddenSize, queries];
    case 'gate_proj':
    case 'up_proj':
      return [intermediateSize, hiddenSize];
    case 'down_proj':
      return [hiddenSize, intermediateSize];
  }
}

/** Name and [out, in] of every weight that hidden states are multiplied with: the projections', and the head's, also when it is tied. */
export function linearWeights(config: DecoderConfig): Map<string, readonly [out: number, input: number]> {
  const weights = new Map<string, readonly [number, number]>();
  for (let layer = 0; layer < config.numHiddenLayers; layer++)
    for (const projection of PROJECTIONS)
      weights.set(`${projectionModule(layer, projection)}.weight`, projectionShape(config, projection));
  weights.set(headParameter(config), [config.vocabSize, config.hiddenSize]);
  return weights;
}

/** The name of the head's weight: that of the embedding when they are tied. */
export function headParameter({ tieWordEmbeddings }: DecoderConfig): string {
  return tieWordEmbeddings ? EMBEDDING : 'lm_head.weight';
}

/** Name and shape of every parameter, in a fixed order. */
export function parameterSpecs(config: DecoderConfig): Map<string, TensorSpec> {
  const specs = new Map<string, TensorSpec>();
  const add = (name: string, shape: number[]): void => void specs.set(name, { dtype: 'float32', shape });
  add(EMBEDDING, [config.vocabSize, config.hiddenSize]);
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    add(`model.layers.${layer}.input_layernorm.weight`, [config.hiddenSize]);
    for (const projection of PROJECTIONS) {
      const [rows, columns] = projectionShape(config, projection);
      const module = projectionModule(layer, projection);
      add(`${module}.weight`, [rows, columns]);
      if (config.biases.includes(projection)) add(`${module}.bias`, [rows]);
    }
    if (config.qkNorm) {
      add(`model.layers.${layer}.self_attn.q_norm.weight`, [config.headDim]);
      add(`model.layers.${layer}.self_attn.k_norm.weight`, [config.headDim]);
    }
    add(`model.layers.${layer}.post_attention_layernorm.weight`, [config.hiddenSize]);
  }
  add('model.norm.weight', [config.hiddenSize]);
  if (!config.tieWordEmbeddings) add('lm_head.weight', [config.vocabSize, config.hiddenSize]);
  return specs;
}
