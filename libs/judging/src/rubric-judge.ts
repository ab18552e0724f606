// The rubric as a judge: deterministic, free, and by construction right about the miniature. It stands in for the
// stronger external judge.
import type { CompareRequest, CompareResponse, DescribeResponse } from '@overtone/contracts';
import { fingerprint } from './fingerprint.ts';
import type { JudgeBackend } from './judge-backend.ts';
import { RUBRIC_VERSION, rubricPreference } from './rubric.ts';
import { verdictOfPreference } from './verdict.ts';

/** A judge that ranks ChainSum solutions by style. `name` defaults to "rubric". */
export function rubricJudge({ name = 'rubric' }: { name?: string } = {}): JudgeBackend {
  return {
    describe: (): Promise<DescribeResponse> =>
      Promise.resolve({
        name,
        backend: 'rubric',
        fingerprint: fingerprint({ backend: 'rubric', version: RUBRIC_VERSION }),
        costBound: { promptTokens: 0, promptTokensPerByte: 0, completionTokens: 0 },
      }),
    async *compare(
      requests: AsyncIterable<CompareRequest>,
      signal: AbortSignal,
    ): AsyncGenerator<CompareResponse> {
      for await (const { id, first, second } of requests) {
        signal.throwIfAborted();
        const verdict = verdictOfPreference(rubricPreference(first, second));
        yield { id, ...verdict, rationale: '', usage: { promptTokens: 0, completionTokens: 0 } };
      }
    },
  };
}
