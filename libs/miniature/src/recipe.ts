// The recipe by which the default world is pre-trained. What is then done with it is an experiment: see the recipes of
// libs/experiment.

/** The recipe of the default world. */
export const worldRecipe = {
  /** How the model is meant to be sampled from; written to its generation_config.json. */
  generation: { temperature: 0.6, topP: 0.95 },
  /** Pre-training from scratch, all parameters, one pass over the corpus. */
  pretraining: {
    /** Corpus tokens in all. */
    tokens: 12_000_000,
    /** About this many tokens a step. 8,000 learnt no arithmetic in the same time. */
    tokensPerStep: 1_600,
    /** Peak learning rate: constant after the warm-up, then linear to zero over the last 40 % of the steps. */
    learningRate: 3e-3,
    warmupRatio: 0.02,
    weightDecay: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    maxGradNorm: 1,
  },
} as const;
