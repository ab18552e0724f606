// One evaluation: samples every problem through a generator, verifies each sample as it arrives, and ends with metrics.
import {
  FinishReason,
  type EvaluatedSample,
  type EvaluateRequest,
  type EvaluateResponse,
  type GenerateRequest,
  type GenerateResponse,
  type Problem,
} from '@overtone/contracts';
import { renderPrompt, type Verifier } from '@overtone/tasks';
import { computeMetrics, type ProblemTally } from './metrics.ts';
import { checkRequest } from './request.ts';

/** What the evaluator needs of a Generator service; a client of the contract satisfies it. */
export interface SamplingModel {
  /** Samples; each sample is yielded when it is finished. */
  generate(request: GenerateRequest, options: { signal: AbortSignal }): AsyncIterable<GenerateResponse>;
}

/**
 * Evaluates: yields every verified sample in completion order, then the summary.
 *
 * @throws RpcError INVALID_ARGUMENT when the request is wrong; Error when the generator does not answer what was asked.
 */
export async function* evaluate(
  model: SamplingModel,
  verifier: Verifier,
  request: EvaluateRequest,
  signal: AbortSignal,
): AsyncGenerator<EvaluateResponse> {
  const { problems, sampling } = checkRequest(request);
  const open = new Map(
    problems.map((problem) => [problem.id, new OpenProblem(problem, sampling.samples, verifier)]),
  );
  const prompts = problems.map((problem) => ({
    id: problem.id,
    messages: [...request.turns, { role: 'user', content: renderPrompt(request.promptTemplate, problem) }],
  }));
  for await (const response of model.generate({ adapter: request.adapter, prompts, sampling }, { signal })) {
    const problem = open.get(response.promptId);
    if (!problem)
      throw new Error(
        `the generator answered prompt ${JSON.stringify(response.promptId)}, which was not asked`,
      );
    yield { event: { $case: 'sample', value: await problem.verify(response) } };
  }
  const tallies = [...open.values()].map((problem) => problem.tally());
  const metrics = computeMetrics(tallies, request.bootstrapSeed);
  yield { event: { $case: 'summary', value: { metrics } } };
}

/** A problem whose samples are arriving. */
class OpenProblem {
  readonly #problem: Problem;
  readonly #tally: ProblemTally;
  readonly #missing: Set<number>;
  readonly #verifier: Verifier;

  constructor(problem: Problem, samples: number, verifier: Verifier) {
    this.#problem = problem;
    this.#verifier = verifier;
    this.#tally = {
      difficulty: problem.difficulty,
      samples,
      correct: 0,
      unanswered: 0,
      truncated: 0,
      tokens: 0,
    };
    this.#missing = new Set(Array.from({ length: samples }, (_, i) => i));
  }

  async verify(response: GenerateResponse): Promise<EvaluatedSample> {
    const { sampleIndex, text, finishReason } = response;
    if (!this.#missing.delete(sampleIndex)) {
      throw new Error(
        `the generator sent sample ${sampleIndex} of problem ${JSON.stringify(this.#problem.id)} twice or beyond the ${this.#tally.samples} that were asked`,
      );
    }
    const { correct, answered } = await this.#verifier.verify(this.#problem, text);
    const tokens = response.completionTokens || response.tokenIds.length;
    this.#tally.correct += Number(correct);
    this.#tally.unanswered += Number(!answered);
    this.#tally.truncated += Number(finishReason === FinishReason.FINISH_REASON_LENGTH);
    this.#tally.tokens += tokens;
    return { problemId: this.#problem.id, sampleIndex, text, correct, answered, tokens, finishReason };
  }

  tally(): ProblemTally {
    if (this.#missing.size > 0) {
      throw new Error(
        `the generator ended with ${this.#missing.size} of ${this.#tally.samples} samples of problem ${JSON.stringify(this.#problem.id)} missing`,
      );
    }
    return this.#tally;
  }
}
