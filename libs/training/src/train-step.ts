// One optimiser step as a function of tensors: forward, backward, AdamW. Traced for training, run eagerly by tests.
import * as tf from '@tensorflow/tfjs-core';
import {
  type DecoderConfig,
  linearOf,
  type LoraConfig,
  parameterSpecs,
  type Trained,
  type Weights,
  withLora,
} from '@overtone/language-model';
import { type TensorSpec } from '@overtone/tensor';
import { adamw, type AdamWOptions } from './adamw.ts';
import { dropout, noiseSpec } from './dropout.ts';
import { type Layout, splitTensor } from './layout.ts';
import { type CompletionTokens, type LossInput, type Objective } from './objectives/objective.ts';
import { packedCompletions, type PackedCompletions } from './packed-logprobs.ts';
import { batchSpecs, type BatchShape } from './packing.ts';

/** Everything that shapes a step. */
export interface StepOptions {
  readonly config: DecoderConfig;
  /** The adapter that is trained; undefined trains all parameters. */
  readonly lora: LoraConfig | undefined;
  readonly layout: Layout;
  readonly objective: Objective;
  readonly optimizer: AdamWOptions;
  readonly batch: BatchShape;
  /** Keep each layer's input alone for the gradient, and compute the rest once more: less memory, a third more work. Default false. */
  readonly gradientCheckpointing?: boolean | undefined;
  /** Probability that a number which the adapter reads is dropped. Default 0. */
  readonly loraDropout?: number | undefined;
}

const scalar: TensorSpec = { dtype: 'float32', shape: [] };

/** Inputs of a step: trained vector and moments, scalars, batch, and the frozen parameters when an adapter is trained. */
export function stepInputs({
  config,
  lora,
  layout,
  objective,
  batch,
  loraDropout = 0,
}: StepOptions): Record<string, TensorSpec> {
  const vector: TensorSpec = { dtype: 'float32', shape: [layout.size] };
  const places: TensorSpec = { dtype: 'float32', shape: [batch.sequences] };
  const tokens: TensorSpec = { dtype: 'float32', shape: [batch.targets] };
  return {
    theta: vector,
    first: vector,
    second: vector,
    learning_rate: scalar,
    correction1: scalar,
    correction2: scalar,
    ...batchSpecs(batch),
    reference: places,
    ...(objective.needsTokens === true ? { token_reference: tokens, token_old: tokens } : {}),
    groups: scalar,
    ...Object.fromEntries(objective.coefficients.map((name) => [`coefficient.${name}`, places])),
    ...(lora ? Object.fromEntries(parameterSpecs(config)) : {}),
    ...(lora && loraDropout > 0 ? { noise: noiseSpec(config, lora, batch) } : {}),
  };
}

/** Takes a named tensor. */
function take(inputs: Readonly<Record<string, tf.Tensor>>, name: string): tf.Tensor {
  const tensor = inputs[name];
  if (!tensor) throw new Error(`The step has no input ${name}`);
  return tensor;
}

/**
 * KL(starting model ‖ trained one), nats a token, as the mean log-ratio of completions that the starting model sampled; a trend, not an
 * estimate, of completions from elsewhere.
 */
function divergence({ logprobs, reference, tokens }: LossInput): tf.Scalar {
  const used = tf.cast(tf.less(reference, 0), 'float32');
  return tf.div(tf.sum(tf.mul(tf.sub(reference, logprobs), used)), tf.sum(tf.mul(tokens, used)));
}

/** The completions' tokens, with what other models say of them. */
function eachToken(
  { tokens, belongs }: PackedCompletions,
  inputs: Readonly<Record<string, tf.Tensor>>,
): CompletionTokens {
  return {
    logprobs: tokens,
    reference: take(inputs, 'token_reference') as tf.Tensor1D,
    old: take(inputs, 'token_old') as tf.Tensor1D,
    belongs,
  };
}

/** The loss, its gradient over the flat vector, and the metrics. */
export function lossAndGradient(
  options: StepOptions,
  inputs: Readonly<Record<string, tf.Tensor>>,
): { loss: tf.Tensor; gradient: tf.Tensor1D; metrics: Record<string, tf.Tensor> } {
  const { config, lora, layout, objective, loraDropout = 0 } = options;
  const names = layout.slots.map(({ name }) => name);
  const metrics: Record<string, tf.Tensor> = {};
  const modules = names.filter((name) => name.endsWith('.lora_A.weight')).map((name) => name.slice(0, -14));
  const drop =
    loraDropout > 0 ? dropout(take(inputs, 'noise') as tf.Tensor2D, loraDropout, modules) : undefined;
  const loss = (...trained: tf.Tensor[]): tf.Scalar => {
    const parameters = Object.fromEntries(names.map((name, index) => [name, trained[index] ?? tf.scalar(0)]));
    const model = (own: Weights): ReturnType<Trained['model']> => {
      const weights = lora ? inputs : own;
      return { weights, linear: lora ? withLora(linearOf(weights), lora, own, drop) : linearOf(weights) };
    };
    const { weights, linear } = model(parameters);
    const checkpointing = options.gradientCheckpointing === true ? { parameters, model } : undefined;
    const completions = packedCompletions(config, weights, linear, inputs, checkpointing);
    const input: LossInput = {
      logprobs: completions.logprobs,
      reference: take(inputs, 'reference') as tf.Tensor1D,
      tokens: take(inputs, 'sequence_tokens') as tf.Tensor1D,
      groups: take(inputs, 'groups') as tf.Scalar,
      coefficients: Object.fromEntries(
        objective.coefficients.map((name) => [name, take(inputs, `coefficient.${name}`) as tf.Tensor1D]),
      ),
      each: objective.needsTokens === true ? eachToken(completions, inputs) : undefined,
    };
    const output = objective.loss(input);
    const reported = {
      entropy: completions.entropy(),
      // What alarms go by.
      'logprobs/mean': tf.div(tf.sum(completions.logprobs), completions.count),
      ...(objective.needsReference ? { kl: divergence(input) } : {}),
      ...output.metrics,
    };
    for (const [name, value] of Object.entries(reported)) metrics[name] = tf.keep(value);
    return output.loss;
  };
  const parts = splitTensor(layout, take(inputs, 'theta') as tf.Tensor1D);
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => parts[name] ?? tf.scalar(0)));
  return {
    loss: value,
    gradient: tf.concat1d(grads.map((gradient) => tf.reshape<tf.Rank.R1>(gradient, [-1]))),
    metrics,
  };
}

/** A whole step: `next.theta`, `next.first`, `next.second`, `loss`, `grad_norm` and `metric.*`. */
export function trainStep(
  options: StepOptions,
  inputs: Readonly<Record<string, tf.Tensor>>,
): Record<string, tf.Tensor> {
  const { loss, gradient, metrics } = lossAndGradient(options, inputs);
  const next = adamw(
    take(inputs, 'theta') as tf.Tensor1D,
    take(inputs, 'first') as tf.Tensor1D,
    take(inputs, 'second') as tf.Tensor1D,
    gradient,
    {
      learningRate: take(inputs, 'learning_rate'),
      correction1: take(inputs, 'correction1'),
      correction2: take(inputs, 'correction2'),
    },
    options.optimizer,
  );
  return {
    'next.theta': next.theta,
    'next.first': next.first,
    'next.second': next.second,
    loss,
    grad_norm: next.gradNorm,
    ...Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`metric.${name}`, value])),
  };
}
