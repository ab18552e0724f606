// AdamW with little around it: no decay, a constant rate, gradients clipped at norm 1. What measured training runs are optimised with.
export const PLAIN_ADAMW = {
  beta1: 0.9,
  beta2: 0.999,
  weightDecay: 0,
  maxGradNorm: 1,
  warmupRatio: 0,
  schedule: 'constant',
} as const;
