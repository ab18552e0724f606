import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowsedQuestion } from '@overtone/report';
import { describe, expect, it } from 'vitest';
import { mostTelling } from './judged-questions.ts';
import { mostDivided } from './measured-answers.ts';
import { lighter } from './page-material.ts';
import { rebuildPage } from './rebuild-page.ts';
import { merged, traceTimes } from './trace-times.ts';
import { thinned } from './training-curves.ts';

function question(id: string, difficulty: string, other: readonly number[]): BrowsedQuestion {
  return {
    id,
    difficulty,
    question: id,
    answer: '',
    solutions: ['a', 'b', 'c'].map((text) => ({ text, tokens: 1, meanEntropy: 0 })),
    scores: {
      first: { score: [1, 2, 3], error: [0, 0, 0] },
      second: { score: [...other], error: [0, 0, 0] },
    },
    verdicts: {},
  };
}

describe('the questions to look at', () => {
  const agreed = Array.from({ length: 40 }, (_, index) => question(`agreed ${index}`, 'x', [4, 5, 6]));
  const disputed = ['x', 'y'].map((difficulty) => question(`disputed ${difficulty}`, difficulty, [3, 2, 1]));

  it('are those that signals rank differently, of each difficulty, and some of the usual ones', () => {
    const chosen = mostTelling([...agreed, ...disputed], 8).map(({ id }) => id);
    expect(chosen.slice(0, 2).sort()).toEqual(['disputed x', 'disputed y']);
    expect(new Set(chosen).size).toBe(8);
    expect(mostTelling(disputed, 8)).toEqual(disputed);
    expect(mostTelling([...disputed, ...agreed.toReversed()], 8).map(({ id }) => id)).toEqual(chosen);
  });

  it('are those first on which arms differ', () => {
    const answers = (id: string, ...correct: boolean[]) => ({
      id,
      question: id,
      answer: '',
      difficulty: '',
      arms: Object.fromEntries(correct.map((own, arm) => [arm, [{ text: '', correct: own, tokens: 1 }]])),
    });
    const all = [answers('same', true, true), answers('divided', true, false), answers('none', false, false)];
    expect(mostDivided(all, 2).map(({ id }) => id)).toEqual(['divided', 'same']);
  });

  it('become fewer until they weigh little enough', () => {
    const data = {
      judges: {},
      auditor: null,
      audited: null,
      ofQuestions: 40,
      answers: [],
      ofAnswers: 0,
      seed: 1,
    };
    const light = lighter({ ...data, questions: agreed }, 300);
    expect(light.questions.length).toBeGreaterThan(0);
    expect(light.questions.length).toBeLessThan(40);
    expect(light.questions).toEqual(agreed.slice(0, light.questions.length));
    expect(lighter({ ...data, questions: agreed })).toEqual({ ...data, questions: agreed });
  });
});

describe('where the time went', () => {
  it('is the union of calls, by service, and stages one sitting after another', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'overtone-trace-'));
    mkdirSync(join(folder, 'traces'));
    const span = (trace: string, service: string, name: string, kind: number, from: number, to: number) =>
      JSON.stringify({
        traceId: trace,
        name,
        kind,
        startTimeUnixNano: String(BigInt(from) * 1_000_000_000n),
        endTimeUnixNano: String(BigInt(to) * 1_000_000_000n),
        resource: { 'service.name': service },
      });
    writeFileSync(
      join(folder, 'traces', 'all.jsonl'),
      [
        span('a', 'overtone', 'overtone.train', 1, 100, 140),
        span('b', 'overtone', 'overtone.train', 1, 1000, 1010),
        span('b', 'overtone', 'overtone.evaluate', 1, 1010, 1020),
        span('a', 'generator', 'overtone.v1.GeneratorService/Score', 2, 100, 110),
        span('a', 'generator', 'overtone.v1.GeneratorService/Score', 2, 105, 120),
        span('a', 'overtone', 'overtone.v1.GeneratorService/Score', 3, 100, 120),
        '{"traceId": "a", "na',
      ].join('\n'),
    );
    const times = await traceTimes(folder);
    expect(times?.services).toEqual([
      { service: 'generator', operation: 'Score', calls: 2, busy: 20, total: 25 },
    ]);
    expect(times?.timeline).toEqual([
      { lane: 'train', start: 0, end: 50 },
      { lane: 'evaluate', start: 50, end: 60 },
    ]);
    expect(await traceTimes(join(folder, 'elsewhere'))).toBeUndefined();
  });

  it('joins what is close', () => {
    expect(
      merged(
        [
          [5, 6],
          [0, 1],
          [1.5, 2],
          [0.5, 0.7],
        ],
        0.5,
      ),
    ).toEqual([
      [0, 2],
      [5, 6],
    ]);
  });
});

describe('curves', () => {
  it('are thinned between their first and last point', () => {
    const steps = Array.from({ length: 1000 }, (_, step) => step);
    const few = thinned(steps);
    expect(few.length).toBe(80);
    expect([few[0], few.at(-1)]).toEqual([0, 999]);
    expect(thinned([1, 2])).toEqual([1, 2]);
  });
});

describe('a page made anew', () => {
  it('says of a folder what it lacks', async () => {
    await expect(rebuildPage(tmpdir())).rejects.toThrow(/holds no report: there is no report\.json/);
  });
});
