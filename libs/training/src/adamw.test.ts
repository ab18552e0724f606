import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '@overtone/statistics';
import { adamw, type AdamWOptions } from './adamw.ts';

/** AdamW as PyTorch's documentation writes it, one parameter after another, in doubles. */
class ScalarAdamW {
  readonly theta: number[];
  private readonly first: number[];
  private readonly second: number[];
  private step = 0;

  constructor(theta: number[]) {
    this.theta = [...theta];
    this.first = theta.map(() => 0);
    this.second = theta.map(() => 0);
  }

  update(gradient: number[], rate: number, { beta1, beta2, weightDecay, maxGradNorm }: AdamWOptions): number {
    this.step += 1;
    let squares = 0;
    for (const value of gradient) squares += value * value;
    const norm = Math.sqrt(squares);
    const clip = maxGradNorm > 0 && norm > maxGradNorm ? maxGradNorm / norm : 1;
    for (const [index, value] of this.theta.entries()) {
      const g = (gradient[index] ?? 0) * clip;
      const m = beta1 * (this.first[index] ?? 0) + (1 - beta1) * g;
      const v = beta2 * (this.second[index] ?? 0) + (1 - beta2) * g * g;
      this.first[index] = m;
      this.second[index] = v;
      const corrected = m / (1 - beta1 ** this.step) / (Math.sqrt(v / (1 - beta2 ** this.step)) + 1e-8);
      this.theta[index] = value - rate * weightDecay * value - rate * corrected;
    }
    return norm;
  }
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('AdamW', () => {
  for (const [name, change] of Object.entries<Partial<AdamWOptions>>({
    plain: {},
    'weight decay': { weightDecay: 0.3 },
    'gradients clipped in some steps': { maxGradNorm: 1.5 },
    'other betas, clipping and decay': { beta1: 0.8, beta2: 0.95, weightDecay: 0.1, maxGradNorm: 0.5 },
  })) {
    it(`follows a scalar implementation for five steps: ${name}`, () => {
      const options = { beta1: 0.9, beta2: 0.999, weightDecay: 0, maxGradNorm: 0, ...change };
      const random = seededRandom('adamw', name);
      const size = 9;
      const start = Array.from({ length: size }, () => 2 * random() - 1);
      const scalar = new ScalarAdamW(start);
      let state = {
        theta: Float32Array.from(start),
        first: new Float32Array(size),
        second: new Float32Array(size),
      };
      for (let step = 1; step <= 5; step++) {
        // Norms from about 0.5 to about 8: below and above the limits.
        const gradient = Array.from({ length: size }, () => (2 * random() - 1) * 0.3 * 2 ** (step - 1));
        const rate = 0.01 * step;
        const norm = scalar.update(gradient, rate, options);
        state = tf.tidy(() => {
          const next = adamw(
            tf.tensor1d(state.theta),
            tf.tensor1d(state.first),
            tf.tensor1d(state.second),
            tf.tensor1d(gradient),
            {
              learningRate: tf.scalar(rate),
              correction1: tf.scalar(1 - options.beta1 ** step),
              correction2: tf.scalar(1 - options.beta2 ** step),
            },
            options,
          );
          expect(next.gradNorm.dataSync()[0]).toBeCloseTo(norm, 4);
          const copy = (tensor: tf.Tensor): Float32Array<ArrayBuffer> => Float32Array.from(tensor.dataSync());
          return { theta: copy(next.theta), first: copy(next.first), second: copy(next.second) };
        });
        state.theta.forEach((value, index) => expect(value).toBeCloseTo(scalar.theta[index] ?? NaN, 5));
      }
    });
  }
});
