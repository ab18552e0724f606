import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadEagerTensorflow, type EagerTensorflow } from '@overtone/tensor';
import {
  lora,
  OBJECTIVES,
  prepareStep,
  relativeDifference,
  runEagerly,
  runTraced,
} from '../../../libs/training/src/train-step.fixture.ts';

/** A package beside which the backend is installed: where build.sh puts it, or another. */
const FROM =
  process.env.OVERTONE_TFJS_NODE ??
  fileURLToPath(new URL('../../../.cache/overtone/tfjs-node/package.json', import.meta.url));

describe.skipIf(!existsSync(FROM))(
  'the eager backend of libtensorflow computes what the traced program does: skipped where build.sh has not built it',
  () => {
    let loaded: EagerTensorflow;
    let largest = 0;

    beforeAll(() => {
      loaded = loadEagerTensorflow(FROM);
    }, 60_000);

    for (const [name, spec] of Object.entries(OBJECTIVES)) {
      for (const [how, adapter] of Object.entries({ LoRA: lora, 'all parameters': undefined })) {
        it(`${name}, ${how}: loss to 1e-5, gradient to 1e-4`, async () => {
          const step = prepareStep(spec, adapter);
          const [eager, traced] = [runEagerly(step, 'tensorflow'), await runTraced(step)];
          expect(tf.getBackend()).toBe('tensorflow');
          const difference = relativeDifference(eager.gradient, traced.gradient);
          largest = Math.max(largest, difference);
          expect(difference).toBeLessThan(1e-4);
          expect(Math.abs(eager.loss - traced.loss) / Math.abs(traced.loss)).toBeLessThan(1e-5);
        });
      }
    }

    it('says how far they are apart', () => {
      console.log(
        `${loaded.package} ${loaded.version}, libtensorflow ${loaded.libtensorflow ?? 'of unknown version'}: ` +
          `gradients differ by at most ${largest.toExponential(1)} (relative, Euclidean)`,
      );
      expect(largest).toBeGreaterThan(0);
    });
  },
);
