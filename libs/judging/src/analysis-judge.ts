// A model as a judge that thinks first: it writes an analysis that ends with its verdict. What has no verdict at its end is
// unreadable; where there is one, both verdicts are compared as the end of the same analysis, so that it is a probability.
import type {
  ArtifactRef,
  CompareRequest,
  CompareResponse,
  DescribeResponse,
  GenerateRequest,
  GenerateResponse,
  Usage,
} from '@overtone/contracts';
import { mapConcurrent } from '@overtone/rpc';
import { fingerprint } from './fingerprint.ts';
import { CHAT_TEMPLATE_TOKENS, generatorParts, type ScoringModel } from './generator-judge.ts';
import type { JudgeBackend } from './judge-backend.ts';
import { analysisBeforeVerdict, UNREADABLE } from './read-verdict.ts';
import { renderTemplate, templateBytes, VERDICTS, type JudgingTemplate } from './template.ts';
import { verdictOfLogprobs } from './verdict.ts';

/** What the judge needs of a Generator service; a client of the contract satisfies it. */
export interface AnalysingModel extends ScoringModel {
  /** Samples texts. */
  generate(request: GenerateRequest, options: { signal: AbortSignal }): AsyncIterable<GenerateResponse>;
}

/** How to judge. */
export interface AnalysisJudgeOptions {
  /** The model that judges. */
  model: AnalysingModel;
  /** The judging prompt; it asks for an analysis that ends with a line of verdict. */
  template: JudgingTemplate;
  /** Most tokens of an analysis with its verdict. */
  analysisTokens: number;
  /** A name for reports. Default "generator". */
  name?: string;
  /** The adapter to judge with. Default: the base model. */
  adapter?: ArtifactRef;
  /** Most comparisons at a time, per stream. Default 64. */
  concurrency?: number;
}

/** A judge that reads its verdicts from what a model writes. */
export function analysisJudge(options: AnalysisJudgeOptions): JudgeBackend {
  const { model, template, analysisTokens, name = 'generator', adapter, concurrency = 64 } = options;
  const judge = async (request: CompareRequest, signal: AbortSignal): Promise<CompareResponse> => {
    const { id } = request;
    const messages = [{ role: 'user', content: renderTemplate(template, request) }];
    const analysis = await analyse(messages, signal);
    const before = analysisBeforeVerdict(analysis.text);
    const wrote: Usage = {
      promptTokens: analysis.promptTokens,
      completionTokens: analysis.completionTokens || analysis.tokenIds.length,
    };
    if (before === undefined) return { id, ...UNREADABLE, rationale: analysis.text, usage: wrote };
    const ends = VERDICTS.map((verdict) => before + verdict);
    const scoring = model.score(
      only({ id, adapter, messages, target: { $case: 'continuations', value: { texts: ends } } }),
      { signal },
    );
    for await (const { continuationLogprobs, usage } of scoring) {
      const [first = NaN, second = NaN] = continuationLogprobs;
      const read = { promptTokens: usage?.promptTokens ?? 0, completionTokens: usage?.completionTokens ?? 0 };
      return {
        id,
        ...verdictOfLogprobs(first, second),
        rationale: analysis.text,
        // The ends are read, not written.
        usage: {
          promptTokens: wrote.promptTokens + read.promptTokens + read.completionTokens,
          completionTokens: wrote.completionTokens,
        },
      };
    }
    throw new Error(`the generator did not score the verdicts of comparison ${JSON.stringify(id)}`);
  };
  const analyse = async (
    messages: GenerateRequest['prompts'][number]['messages'],
    signal: AbortSignal,
  ): Promise<GenerateResponse> => {
    const sampling = {
      samples: 1,
      temperature: 0,
      topP: 1,
      maxNewTokens: analysisTokens,
      seed: 0,
      stop: [],
    };
    const request = { adapter, prompts: [{ id: 'comparison', messages }], sampling };
    for await (const response of model.generate(request, { signal })) return response;
    throw new Error('the generator ended without an analysis');
  };
  return {
    async describe(signal: AbortSignal): Promise<DescribeResponse> {
      const parts = {
        ...(await generatorParts(options, signal)),
        analysisTokens: String(analysisTokens),
      };
      const costBound = {
        // The prompt is read to write the analysis, and again with both of its ends.
        promptTokens: 2 * (templateBytes(template) + CHAT_TEMPLATE_TOKENS) + 4 * (analysisTokens + 32),
        promptTokensPerByte: 2,
        completionTokens: analysisTokens,
      };
      return { name, backend: 'generator', fingerprint: fingerprint(parts), costBound };
    },
    compare: (requests: AsyncIterable<CompareRequest>, signal: AbortSignal) =>
      mapConcurrent(requests, judge, { limit: concurrency, signal }),
  };
}

async function* only<Item>(item: Item): AsyncGenerator<Item> {
  yield await Promise.resolve(item);
}
