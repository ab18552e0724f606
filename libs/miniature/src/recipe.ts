// The recipe of the default world: what was found to work, in one place. Rates and counts were tuned on development splits
// with seeds of their own; see the README for what they gave.

/** The recipe of the default world. */
export const worldRecipe = {
  /** Pre-training from scratch, all parameters. */
  pretraining: {
    /** Seed of the corpus and of the initial weights. */
    seed: 1,
    /** Corpus tokens in all. */
    tokens: 12_000_000,
    /** About this many tokens a step. 8,000 learnt no arithmetic in the same time. */
    tokensPerStep: 1_600,
    /** Peak learning rate. */
    learningRate: 3e-3,
    /** Constant, then linear to zero over the last 40 % of the steps. */
    schedule: 'warmup_stable_decay',
    warmupRatio: 0.02,
    weightDecay: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    maxGradNorm: 1,
  },
  /** Questions that the base mostly solves: trained on. */
  easy: { minTerms: 2, maxTerms: 4, maxValue: [9, 20], nonNegative: true },
  /** Questions that the base solves 35–50 % of the time: measured on. */
  hard: { minTerms: 7, maxTerms: 8, maxValue: [20, 50], nonNegative: true },
  /** The prompt: the bare question. */
  promptTemplate: '{question}',
  /** How solutions are sampled, for training and for evaluation. */
  sampling: { samples: 8, temperature: 0.6, topP: 0.95, maxNewTokens: 192 },
  /** Every objective trains a LoRA on all linear layers: q/k/v/o alone could not move the style. */
  lora: { r: 16, alpha: 32 },
  /** Every objective: half a cosine to zero after warm-up. */
  optimizer: {
    schedule: 'cosine',
    warmupRatio: 0.1,
    weightDecay: 0,
    beta1: 0.9,
    beta2: 0.999,
    maxGradNorm: 1,
  },
  /** `groupsPerStep` counts sequences for SFT, pairs for DPO, groups for RRHF. */
  objectives: {
    sft: { learningRate: 5e-4, steps: 100, groupsPerStep: 16 },
    dpo: { beta: 5, learningRate: 3e-4, steps: 80, groupsPerStep: 16 },
    rrhf: { rankWeight: 0.1, learningRate: 2e-4, steps: 120, groupsPerStep: 4 },
  },
} as const;
