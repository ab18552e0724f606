// A model as a judge: asks a Generator service how likely each of the two verdicts is to follow the judging prompt. One
// short teacher-forced pass per comparison; nothing is sampled.
import type {
  ArtifactRef,
  CompareRequest,
  CompareResponse,
  DescribeModelResponse,
  DescribeResponse,
  ScoreRequest,
  ScoreResponse,
} from '@overtone/contracts';
import { fingerprint } from './fingerprint.ts';
import { InFlight } from './in-flight.ts';
import type { JudgeBackend } from './judge-backend.ts';
import { renderTemplate, templateBytes, VERDICTS, type JudgingTemplate } from './template.ts';
import { verdictOfLogprobs } from './verdict.ts';

/** What the judge needs of a Generator service; a client of the contract satisfies it. */
export interface ScoringModel {
  /** Scores texts; answers may come in another order than requests. */
  score(
    requests: AsyncIterable<ScoreRequest>,
    options: { signal: AbortSignal },
  ): AsyncIterable<ScoreResponse>;
  /** What is hosted. */
  describeModel(
    request: Record<string, never>,
    options: { signal: AbortSignal },
  ): Promise<DescribeModelResponse>;
}

/** How to judge. */
export interface GeneratorJudgeOptions {
  /** The model that judges. */
  model: ScoringModel;
  /** The judging prompt. */
  template: JudgingTemplate;
  /** A name for reports. Default "generator". */
  name?: string;
  /** The adapter to judge with. Default: the base model. */
  adapter?: ArtifactRef;
  /** Most comparisons sent and not yet answered, per stream. Default 1024. */
  maxInFlight?: number;
}

/** More than what a chat template adds to one message. */
export const CHAT_TEMPLATE_TOKENS = 256;

/** What the verdicts of a model depend on, as parts of a fingerprint. */
export async function generatorParts(
  { model, template, adapter }: Pick<GeneratorJudgeOptions, 'model' | 'template' | 'adapter'>,
  signal: AbortSignal,
) {
  const { sha256 } = await model.describeModel({}, { signal });
  return {
    backend: 'generator',
    model: sha256,
    template: template.sha256,
    adapter: adapter?.sha256 ?? '',
  };
}

/** A judge that reads its verdicts from a model's log-probabilities. */
export function generatorJudge(options: GeneratorJudgeOptions): JudgeBackend {
  const { model, template, name = 'generator', adapter, maxInFlight = 1024 } = options;
  return {
    async describe(signal: AbortSignal): Promise<DescribeResponse> {
      return {
        name,
        backend: 'generator',
        fingerprint: fingerprint(await generatorParts(options, signal)),
        costBound: {
          promptTokens: templateBytes(template) + CHAT_TEMPLATE_TOKENS,
          promptTokensPerByte: 1,
          completionTokens: VERDICTS.join('').length,
        },
      };
    },

    async *compare(
      requests: AsyncIterable<CompareRequest>,
      signal: AbortSignal,
    ): AsyncGenerator<CompareResponse> {
      const inFlight = new InFlight(maxInFlight);
      const source = requests[Symbol.asyncIterator]();
      // The generator is called when there is something to ask. A stream whose first request is wrong would be a call that it sees
      // cancelled, and HTTP/2 servers close the connections of clients that cancel many.
      const first = await source.next();
      if (first.done === true) return;
      async function* scoreRequests(): AsyncGenerator<ScoreRequest> {
        for (let next = first; next.done !== true; next = await source.next()) {
          const request = next.value;
          await inFlight.start(request.id);
          yield {
            id: request.id,
            adapter,
            messages: [{ role: 'user', content: renderTemplate(template, request) }],
            target: { $case: 'continuations', value: { texts: [...VERDICTS] } },
          };
        }
      }
      try {
        for await (const { id, continuationLogprobs, usage } of model.score(scoreRequests(), { signal })) {
          inFlight.finish(id);
          const [first, second] = continuationLogprobs;
          if (
            first === undefined ||
            second === undefined ||
            continuationLogprobs.length !== VERDICTS.length
          ) {
            throw new Error(
              `the generator answered comparison ${JSON.stringify(id)} with ${continuationLogprobs.length} log-probabilities; expected ${VERDICTS.length}, one per verdict`,
            );
          }
          yield { id, ...verdictOfLogprobs(first, second), rationale: '', usage };
        }
        inFlight.requireNone();
      } finally {
        inFlight.close();
        void source.return?.(undefined);
      }
    },
  };
}
