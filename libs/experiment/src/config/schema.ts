// The experiment file's schema: every key with its meaning, unit and default.
import { z } from 'zod';
import { engine } from './engine.ts';
import { generator } from './generator.ts';
import { judge } from './judge.ts';
import { object } from './strict.ts';
import { task } from './task-schema.ts';

const integer = z.int();
const seed = integer.min(0);
const count = integer.min(1);
const name = z
  .string()
  .regex(/^[\w.:/-]+$/, 'must consist of letters, digits and the signs . : / - _')
  .max(80);

const decoding = {
  /** Samples per question: the N of sampling, the k of avg@k. Default 8. */
  samples: count.default(8),
  /** Softmax temperature; 0 is greedy. Default 0.6. */
  temperature: z.number().min(0).default(0.6),
  /** Nucleus mass in (0, 1]. Default 0.95. */
  topP: z.number().gt(0).max(1).default(0.95),
  /** Most tokens a sample. Default 256. */
  maxNewTokens: count.default(256),
  /** Strings that end a sample; its text ends before the first of them. */
  stop: z.array(z.string().min(1)).default([]),
  /** Seed of the samples. Default 0. */
  seed: seed.default(0),
};

const sampling = object({
  ...decoding,
  /** Questions per chunk: what a killed run may lose. Default 32. */
  chunk: count.default(32),
});

const evaluation = object({
  ...decoding,
  /** Seed of the bootstrap over questions. Default 0. */
  bootstrapSeed: seed.default(0),
});

const pairwise = {
  /** Which of `judges` compares. */
  judge: z.string(),
  /** Prefer what the judge prefers least: a control. Default false. */
  reversed: z.boolean().default(false),
};

/** Control: prefer what the method prefers least. Default false. */
const reversed = z.boolean().default(false);
/** Subtract what the number of tokens explains of the scores of a question's solutions. Default false. */
const residualiseLength = z.boolean().default(false);
const scored = { reversed, residualiseLength };

const part = object({
  /** Which of `signals`; not a combination. */
  signal: z.string(),
  /** How much a standard deviation of its scores counts. Default 1. */
  weight: z.number().default(1),
});

const signal = z.discriminatedUnion(
  'method',
  [
    object({ method: z.literal('inverse-entropy'), ...scored }),
    object({ method: z.literal('inverse-top-entropy'), ...scored }),
    object({ method: z.literal('mean-logprob'), ...scored }),
    object({ method: z.literal('wins'), ...pairwise, residualiseLength }),
    object({ method: z.literal('bradley-terry'), ...pairwise, residualiseLength }),
    object({
      method: z.literal('panel'),
      /** Which of `judges` compare; how much each counts is estimated from how they agree. */
      judges: z.array(z.string()).min(2, 'must name at least two judges'),
      ...scored,
    }),
    object({
      method: z.literal('combination'),
      /** What is added up, each standardised within a question. */
      parts: z.array(part).min(1, 'must name at least one signal'),
      ...scored,
    }),
    object({ method: z.literal('random'), seed: seed.default(0) }),
    object({ method: z.literal('brevity'), reversed }),
  ],
  {
    error:
      'must have a "method": "inverse-entropy", "inverse-top-entropy", "mean-logprob", "wins", "bradley-terry", "panel", "combination", "random" or "brevity"',
  },
);

const lora = object({
  /** Rank. Default 16. */
  r: count.default(16),
  /** Numerator of the scale alpha / r. Default 32. */
  alpha: z.number().positive().default(32),
  /** Projections to adapt; every linear layer when empty. Default []. */
  targetModules: z.array(z.string().min(1)).default([]),
  /** Whether the scale is alpha / √r: rsLoRA. Default false. */
  useRslora: z.literal(true).optional(),
  /** Probability that a number which the adapter reads is dropped in training. Default 0. */
  dropout: z.number().gt(0).lt(1).optional(),
});

const optimizer = object({
  /** Peak learning rate. */
  learningRate: z.number().positive(),
  /** Share of the steps that warm up. Default 0.1. */
  warmupRatio: z.number().min(0).max(1).default(0.1),
  /** How the rate falls. Default cosine. */
  schedule: z.enum(['cosine', 'linear', 'constant', 'warmup-stable-decay']).default('cosine'),
  /** Decoupled weight decay. Default 0. */
  weightDecay: z.number().min(0).default(0),
  /** Largest global gradient norm; 0 does not clip. Default 1. */
  maxGradNorm: z.number().min(0).default(1),
  /** Decay of the first moment. Default 0.9. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** Decay of the second moment. Default 0.999. */
  beta2: z.number().min(0).lt(1).default(0.999),
});

const selection = object({
  /** Steps between the snapshots that are measured on the development split; 0 measures the last alone. */
  snapshotEverySteps: integer.min(0),
  /** Learning rates to choose from; the optimiser's alone when absent. */
  learningRates: z.array(z.number().positive()).min(1).optional(),
  /** Choose for every seed, or once with the first seed for all of them. Default each-seed. */
  scope: z.enum(['each-seed', 'first-seed']).default('each-seed'),
  /** Samples per development question; those of `evaluation` when absent. */
  samples: count.optional(),
  /**
   * Stop a training after so many snapshots in a row that are not better than the best one before them by more than a standard error of the
   * difference, question by question; absent: train to the end and choose then.
   */
  patience: count.optional(),
  /**
   * Keep the better half of the learning rates after 1, 2, 4 … snapshots, until one is left, which is trained on; absent: every rate is
   * trained to the end.
   */
  halving: z.literal(true).optional(),
});

const alarms = object({
  /**
   * Most nats a token by which the mean log-probability of the completions may fall below that of the first steps, 0 for any: where the
   * model sampled them itself, KL(start ‖ now). Default 0.25.
   */
  maxKl: z.number().min(0).optional(),
  /** Least share of its start that the mean entropy of next tokens may keep, 0 for any. Default 0.1. */
  minEntropyRatio: z.number().min(0).lt(1).optional(),
  /** stop: the training ends with its last good weights; warn: it goes on; off. Default stop. */
  action: z.enum(['stop', 'warn', 'off']).optional(),
});

/** What to do with how far the signal can be trusted, in an objective and in an arm. */
const attenuate = z.enum(['auto', 'off']);

const labelSmoothing = z.number().min(0).lt(0.5).optional();

const training = {
  /** Low-rank adaptation. Default r 16, alpha 32 on every linear layer. */
  lora: lora.prefault({}),
  /** AdamW. */
  optimizer,
  /** Optimiser steps. */
  steps: count,
  /** Groups per step: for SFT best one sequence each, for DPO one pair each, for listwise objectives all of a question's solutions. */
  groupsPerStep: count,
  /** Longest sequence, tokens. Default 512. */
  maxLength: count.default(512),
  /** Runs of the program that a step's groups are spread over, their gradients summed: less memory for the same step. Default 1. */
  microBatches: count.optional(),
  /** Keep each layer's input alone for the gradient: less memory, a third more work. Default false. */
  gradientCheckpointing: z.literal(true).optional(),
  /** Stop at a loss above this many times the median of the last 20, or of one nat where that is larger. Default 100. */
  maxLossRatio: z.number().min(1).optional(),
  /** What ends a training whose loss improves while its policy is destroyed. Default: both limits at their defaults. */
  alarms: alarms.optional(),
  /** Choose the snapshot and learning rate with the best avg on the development split; absent: the last step. */
  selection: selection.optional(),
};

/** An objective with its training settings. */
export const objective = z.discriminatedUnion(
  'type',
  [
    object({
      type: z.literal('sft'),
      /**
       * Which solutions of a question to learn from: the best scored, the k best scored, one at random, all, or all with the softmax of
       * the scores as their weights (then scores should be Bradley–Terry strengths, or `attenuate` auto). Default best.
       */
      choose: z.enum(['best', 'top-k', 'random', 'all', 'weighted']).default('best'),
      /** Solutions of a question that `top-k` learns from. Default 2. */
      k: count.optional(),
      /** As for dpo. With `auto`, `best` becomes `weighted`, by scores that are as sure as the signal card says they are right. */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('dpo'),
      /** Inverse temperature of the implicit reward. Default 5 (the paper). */
      beta: z.number().positive().default(5),
      /**
       * What a preference costs, by TRL's names: sigmoid, −log σ(margin); hinge, max(0, 1 − margin); ipo, the squared distance of the
       * margin per token from 1 / (2 beta); robust, unbiased under flipped preferences; sigmoid_norm, sigmoid with log-ratios that are
       * means per token. Default sigmoid (the paper).
       */
      lossType: z.enum(['sigmoid', 'hinge', 'ipo', 'robust', 'sigmoid_norm']).optional(),
      /** Probability that a preference is the wrong way round, in [0, 0.5); with sigmoid, conservative DPO. Default 0 (the paper). */
      labelSmoothing,
      /** How far the margin must exceed zero for each unit by which the scores differ. Default 0 (the paper). */
      scoreMargin: z.number().min(0).optional(),
      /**
       * `auto` follows the signal card's recommendation: *use* trains as the objective says, *attenuate* puts the card's flip rate in
       * (here as label smoothing), and *do not train* leaves the base as it is. Default off.
       */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('rrhf'),
      /** Weight of the ranking loss. Default 0.1 (the paper). */
      rankWeight: z.number().min(0).default(0.1),
      /** Multiply each pair's term by sigmoid(score_i − score_j): RRHF-BT. Default false. */
      bradleyTerryWeights: z.boolean().default(false),
      /** Probability that a preference is the wrong way round, in [0, 0.5). Default 0 (the paper). */
      labelSmoothing,
      /** As for dpo; the scores too become as sure as the signal card says they are right. Default off. */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('simpo'),
      /** Inverse temperature of the implicit reward, the mean token log-probability. Default 2 (the paper). */
      beta: z.number().positive().default(2),
      /** How far the margin should exceed zero. Default 1 (half of beta, where the authors start). */
      simpoGamma: z.number().min(0).default(1),
      /** Probability that a preference is the wrong way round, in [0, 0.5). Default 0 (the paper). */
      labelSmoothing,
      /** As for dpo. Default off. */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('orpo'),
      /** Weight of the odds ratio, λ in the paper. Default 0.1 (the paper). */
      beta: z.number().positive().default(0.1),
      /** Off: nothing in this objective takes a flip rate. */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('kto'),
      /**
       * Inverse temperature of the implicit reward. Default 5 (as for dpo): with the paper's 0.1 nothing saturates before a solution of a few
       * dozen tokens has moved by a nat a token, and the miniature loses arithmetic at any rate (test/bench/worlds).
       */
      beta: z.number().positive().default(5),
      /** Weight of solutions that score above the mean of their question. Default 1 (the paper). */
      desirableWeight: z.number().positive().default(1),
      /** Weight of solutions that score below the mean of their question. Default 1 (the paper). */
      undesirableWeight: z.number().positive().default(1),
      /** Off: nothing in this objective takes a flip rate. */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('plackett-luce'),
      /** Inverse temperature of the implicit reward. Default 5 (as for dpo). */
      beta: z.number().positive().default(5),
      /** Off: nothing in this objective takes a flip rate. */
      attenuate: attenuate.optional(),
      ...training,
    }),
    object({
      type: z.literal('grpo'),
      /** How scores become advantages, and how tokens are averaged. Default dapo (TRL). */
      lossType: z.enum(['dapo', 'bnpo', 'grpo', 'rloo', 'dr_grpo']).default('dapo'),
      /** Whether each token or each solution has a ratio of its own (GSPO). Default token (TRL), sequence for rloo. */
      importanceSamplingLevel: z.enum(['token', 'sequence']).optional(),
      /** How far the ratio to the starting model may fall below one. Default 0.2 (the paper). */
      epsilon: z.number().positive().lt(1).default(0.2),
      /** How far it may rise above one. Default: epsilon. */
      epsilonHigh: z.number().positive().optional(),
      /** Weight of the divergence from the starting model (the k3 estimator). Default 0 (TRL; 0.04 in the paper). */
      beta: z.number().min(0).default(0),
      /** Tokens by which dr_grpo divides instead of a completion's own. Default 512 (TRL). */
      maxCompletionLength: count.default(512),
      /** Off: nothing in this objective takes a flip rate. */
      attenuate: attenuate.optional(),
      ...training,
    }),
  ],
  {
    error: 'must have a "type": "sft", "dpo", "rrhf", "simpo", "orpo", "kto", "plackett-luce" or "grpo"',
  },
);

const arm = object({
  /** The arm's name in the report; `<objective>/<signal>` when absent. */
  name: name.optional(),
  /** Which of `signals`. */
  signal: z.string(),
  /** Which of `objectives`. */
  objective: z.string(),
  /** `attenuate` for this arm; the objective's when absent. */
  attenuate: attenuate.optional(),
  /**
   * How many times to sample, score and train. After the first, the training questions are sampled with the arm's own adapter,
   * saturation is estimated anew, and training goes on from that adapter, which is also the reference of dpo and its kin. Default 1.
   */
  rounds: count.optional(),
});

const audit = object({
  /** Which of `judges` is the stronger one that signals are checked against. */
  judge: z.string(),
  /** Groups to audit, the first ones; all when absent. */
  groups: count.optional(),
});

const services = object({
  /** host:port of a running generator; absent: start one here. */
  generator: z.string().min(1).optional(),
  /** host:port of a running scorer; absent: start one here. */
  scorer: z.string().min(1).optional(),
  /** host:port of a running trainer; absent: start one here. */
  trainer: z.string().min(1).optional(),
  /** host:port of a running evaluator; absent: start one here. */
  evaluator: z.string().min(1).optional(),
  /**
   * Streams to open at a time to the generator and to each judge, which their work is dealt out over; absent: one to each server that
   * an address stands for, such as dns:///judge:50051.
   */
  streams: count.optional(),
  /** Where the artifacts of all services live, file:///folder or s3://bucket/prefix; absent: OVERTONE_ARTIFACTS, or else `artifacts` in the run folder. */
  artifacts: z.string().min(1).optional(),
});

const concurrency = object({
  /** Training jobs at a time. Default 1. */
  training: count.default(1),
  /** Evaluations at a time. Default 1. */
  evaluation: count.default(1),
});

/** The whole file. */
export const experimentSchema = object({
  /** A name for the report. */
  name: z.string().min(1).max(80),
  /**
   * The model: a folder in Hugging Face layout or a .gguf file, relative to the experiment file; owner/name or owner/name@revision
   * on the hub; or a hosted generator's own id.
   */
  model: z.string().min(1),
  /** The questions; its keys are in task-schema.ts. */
  task,
  sampling: sampling.prefault({}),
  /** Judges by name. Default none. */
  judges: z.record(name, judge).default({}),
  audit: audit.optional(),
  /** Signals by name. */
  signals: z.record(name, signal),
  /** Objectives with their training settings, by name. */
  objectives: z.record(name, objective),
  /** What to train: signal × objective. The base model is always measured too. */
  arms: z.array(arm),
  /** Every arm is trained once per seed. Default [1]. */
  seeds: z.array(seed).min(1).default([1]),
  evaluation: evaluation.prefault({}),
  /** What samples. Default the embedded engine. */
  generator: generator.prefault({ backend: 'engine' }),
  /** What the engine runs on, in the generator and in the trainer. Default the CPU, in float32. */
  engine: engine.optional(),
  services: services.prefault({}),
  concurrency: concurrency.prefault({}),
});

/** The experiment as a file says it, with defaults filled in. */
export type ExperimentFile = z.infer<typeof experimentSchema>;
export type Task = ExperimentFile['task'];
export type { Judge } from './judge.ts';
export type Signal = z.infer<typeof signal>;
export type Objective = z.infer<typeof objective>;
export type Decoding = Omit<z.infer<typeof evaluation>, 'bootstrapSeed'>;
export type SplitName = 'train' | 'development' | 'easy' | 'hard';
