import {
  EntropyKind,
  FinishReason,
  Outcome,
  type CompareRequest,
  type CompareResponse,
  type GenerateRequest,
  type ScoreRequest,
} from '@overtone/contracts';
import { describe, expect, it } from 'vitest';
import { analysisJudge, type AnalysingModel } from './analysis-judge.ts';
import { loadTemplate } from './template.ts';

const signal = new AbortController().signal;
const template = loadTemplate('analysis-then-verdict');

/** A test double of a Generator service that writes what it is told to, and scores ends by their digit. */
function model(
  write: (prompt: string) => string,
): AnalysingModel & { scored: ScoreRequest[]; asked: GenerateRequest[] } {
  const scored: ScoreRequest[] = [];
  const asked: GenerateRequest[] = [];
  return {
    scored,
    asked,
    describeModel: () =>
      Promise.resolve({
        model: 'double',
        sha256: 'abc',
        architecture: '',
        parameters: 0,
        vocabularySize: 0,
        contextLength: 0,
        backend: '',
        entropyKind: EntropyKind.ENTROPY_KIND_NONE,
      }),
    async *generate(request) {
      asked.push(request);
      const [prompt] = request.prompts;
      yield await Promise.resolve({
        promptId: prompt?.id ?? '',
        sampleIndex: 0,
        text: write(prompt?.messages[0]?.content ?? ''),
        tokenIds: [1, 2, 3],
        tokenLogprobs: [],
        tokenEntropies: [],
        finishReason: FinishReason.FINISH_REASON_STOP,
        promptTokens: 50,
        entropyKind: EntropyKind.ENTROPY_KIND_NONE,
        tokenEntropyErrors: [],
        completionTokens: 3,
      });
    },
    async *score(requests) {
      for await (const request of requests) {
        scored.push(request);
        const usage = { promptTokens: 50, completionTokens: 8 };
        yield {
          id: request.id,
          tokenLogprobs: [],
          tokenEntropies: [],
          tokenEnds: [],
          continuationLogprobs: [-1, -1 - Math.log(3)],
          usage,
        };
      }
    },
  };
}

async function judge(double: AnalysingModel, requests: CompareRequest[]): Promise<CompareResponse[]> {
  async function* stream(): AsyncGenerator<CompareRequest> {
    for (const request of requests) yield await Promise.resolve(request);
  }
  const answers: CompareResponse[] = [];
  for await (const answer of analysisJudge({ model: double, template, analysisTokens: 64 }).compare(
    stream(),
    signal,
  ))
    answers.push(answer);
  return answers.sort((a, b) => (a.id < b.id ? -1 : 1));
}

const comparison = (id: string, first: string): CompareRequest => ({
  id,
  question: 'q',
  first,
  second: 'other',
});

describe('a judge that thinks first', () => {
  it('reads the verdict after its analysis as a probability, and counts both readings', async () => {
    const double = model(() => 'The first shows its steps.\nJudgment: 0');
    const [answer] = await judge(double, [comparison('a', 'one')]);
    expect(answer?.preferenceFirst).toBeCloseTo(0.75, 12);
    expect(answer?.rationale).toContain('shows its steps');
    expect(answer?.usage).toEqual({ promptTokens: 50 + 50 + 8, completionTokens: 3 });
    expect(double.scored[0]?.target).toMatchObject({
      value: {
        texts: ['The first shows its steps.\nJudgment: 0', 'The first shows its steps.\nJudgment: 1'],
      },
    });
    expect(double.asked[0]?.sampling).toMatchObject({ temperature: 0, maxNewTokens: 64, samples: 1 });
  });

  it('finds an analysis without a verdict at its end unreadable', async () => {
    const double = model((prompt) => (prompt.includes('one') ? 'I cannot say.' : 'Fine.\nJudgment: 1'));
    const answers = await judge(double, [comparison('a', 'one'), comparison('b', 'two')]);
    expect(answers.map(({ outcome }) => outcome)).toEqual([
      Outcome.OUTCOME_UNREADABLE,
      Outcome.OUTCOME_FIRST,
    ]);
    expect(double.scored).toHaveLength(1);
  });
});
