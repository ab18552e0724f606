import { Outcome, type CompareRequest, type ScoreRequest, type ScoreResponse } from '@overtone/contracts';
import { describe, expect, it } from 'vitest';
import { generatorJudge, type ScoringModel } from './generator-judge.ts';
import { loadTemplate } from './template.ts';

const signal = new AbortController().signal;
const template = loadTemplate('miniature');
const description = {
  model: 'double',
  sha256: 'abc',
  architecture: '',
  parameters: 0,
  vocabularySize: 0,
  contextLength: 0,
  backend: '',
  entropyKind: 0,
} as const;

/** A test double of a Generator service: it prefers the shorter solution and answers through `answer`. */
function scoringDouble(
  answer: (requests: AsyncIterable<ScoreRequest>) => AsyncIterable<ScoreResponse>,
): ScoringModel {
  return { score: answer, describeModel: () => Promise.resolve(description) };
}

function shorterIsBetter(request: ScoreRequest): ScoreResponse {
  const [, first = '', second = ''] =
    /First:\n([^]*)\nSecond:\n([^]*)$/.exec(request.messages[0]?.content ?? '') ?? [];
  return {
    id: request.id,
    tokenLogprobs: [],
    tokenEntropies: [],
    tokenEnds: [],
    continuationLogprobs: [-first.length, -second.length],
    usage: { promptTokens: 7, completionTokens: 4 },
  };
}

async function* comparisons(count: number, onRequest: () => void = () => {}): AsyncGenerator<CompareRequest> {
  for (let i = 0; i < count; i++) {
    onRequest();
    yield { id: `c${i}`, question: '1 + 1', first: i % 2 === 0 ? 'a' : 'aaa', second: 'aa' };
    await Promise.resolve();
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe('generatorJudge', () => {
  it('asks for both verdicts and reads a probability, whatever the order of the answers', async () => {
    const judge = generatorJudge({
      template,
      model: scoringDouble(async function* (requests) {
        const seen = await collect(requests);
        for (const request of seen.reverse()) {
          expect(request.target).toEqual({
            $case: 'continuations',
            value: { texts: ['Judgment: 0', 'Judgment: 1'] },
          });
          yield shorterIsBetter(request);
        }
      }),
    });
    const verdicts = await collect(judge.compare(comparisons(5), signal));
    expect(verdicts.map(({ id }) => id)).toEqual(['c4', 'c3', 'c2', 'c1', 'c0']);
    for (const { id, outcome, preferenceFirst, usage } of verdicts) {
      const first = Number(id.slice(1)) % 2 === 0;
      expect(outcome).toBe(first ? Outcome.OUTCOME_FIRST : Outcome.OUTCOME_SECOND);
      expect(preferenceFirst).toBeCloseTo(1 / (1 + Math.exp(first ? -1 : 1)), 12);
      expect(usage).toEqual({ promptTokens: 7, completionTokens: 4 });
    }
  });

  it('reads no more comparisons than may be in flight', async () => {
    let read = 0;
    let answered = 0;
    let most = 0;
    const judge = generatorJudge({
      template,
      maxInFlight: 4,
      model: scoringDouble(async function* (requests) {
        const waiting: ScoreRequest[] = [];
        for await (const request of requests) {
          waiting.push(request);
          if (waiting.length === 4) yield* waiting.splice(0).map(shorterIsBetter);
        }
        yield* waiting.map(shorterIsBetter);
      }),
    });
    for await (const verdict of judge.compare(
      comparisons(50, () => (most = Math.max(most, ++read - answered))),
      signal,
    )) {
      expect(verdict.id).toMatch(/^c/);
      answered++;
    }
    expect(answered).toBe(50);
    expect(most).toBeLessThanOrEqual(5);
  });

  it('notices answers that are missing, foreign, or too short', async () => {
    const run = (answer: (request: ScoreRequest) => ScoreResponse[]): Promise<unknown> =>
      collect(
        generatorJudge({
          template,
          model: scoringDouble(async function* (requests) {
            for await (const request of requests) yield* answer(request);
          }),
        }).compare(comparisons(2), signal),
      );
    await expect(run(() => [])).rejects.toThrow('2 comparisons open');
    await expect(run((request) => [{ ...shorterIsBetter(request), id: 'x' }])).rejects.toThrow('"x"');
    await expect(
      run((request) => [{ ...shorterIsBetter(request), continuationLogprobs: [-1] }]),
    ).rejects.toThrow('1 log-probabilities; expected 2');
  });

  it('has a fingerprint of the model and the template', async () => {
    const model = scoringDouble(async function* () {});
    const other: ScoringModel = {
      ...model,
      describeModel: () => Promise.resolve({ ...description, sha256: 'def' }),
    };
    const { fingerprint, backend } = await generatorJudge({ model, template }).describe(signal);
    expect(backend).toBe('generator');
    expect((await generatorJudge({ model, template, name: 'self' }).describe(signal)).fingerprint).toBe(
      fingerprint,
    );
    expect((await generatorJudge({ model: other, template }).describe(signal)).fingerprint).not.toBe(
      fingerprint,
    );
    const verdictOnly = loadTemplate('verdict-only');
    expect((await generatorJudge({ model, template: verdictOnly }).describe(signal)).fingerprint).not.toBe(
      fingerprint,
    );
  });
});
