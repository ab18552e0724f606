import { ScoreMethod } from '@overtone/contracts';
import { seededRandom } from '@overtone/statistics';
import { expect, it } from 'vitest';
import { FidelityAssessment } from './fidelity.ts';

it('keeps a few numbers of a group: 1,000 groups of 16 long solutions, all pairs audited, under 60 MB', () => {
  const signal = {
    method: ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY,
    reversed: false,
    seed: 0,
    residualiseLength: false,
  };
  const assessment = new FidelityAssessment({ resamples: 100 });
  const add = (group: number): void => {
    const random = seededRandom('memory', group);
    const solutions = Array.from({ length: 16 }, (_, index) => ({
      index,
      text: `${index} of ${group}: ${'because '.repeat(200)}`,
      meanEntropy: random(),
      meanLogprob: -1,
      tokens: 200,
    }));
    const pairs = solutions.flatMap(({ index: i }) =>
      solutions.slice(i + 1).map(({ index: j }) => ({ i, j, forward: random(), backward: random() })),
    );
    const scores = solutions.map(({ index, meanEntropy }) => ({
      index,
      score: 1 / meanEntropy,
      standardError: 0,
    }));
    assessment.add({ problemId: `p${group}`, solutions, scores, verdicts: pairs, audit: pairs, signal });
  };
  // The first groups warm the compiler up.
  for (let group = 0; group < 50; group++) add(group);
  const before = process.memoryUsage();
  for (let group = 50; group < 1050; group++) add(group);
  const after = process.memoryUsage();
  // What is kept lies in typed arrays, which the collector does not move: three numbers for each of 120 pairs.
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(10e6);
  expect(after.rss - before.rss).toBeLessThan(60e6);
  expect(assessment.result().auditedPairs).toBe(1050 * 120);
});
