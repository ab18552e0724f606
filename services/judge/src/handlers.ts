// JudgeService over a judge backend: validates requests and hands them on.
import { JudgeServiceService, Outcome, type CompareRequest, type CompareResponse } from '@overtone/contracts';
import type { JudgeBackend } from '@overtone/judging';
import { bidiHandler, checkField, unaryHandler, type ServedService } from '@overtone/rpc';
import { count, ItemSpans } from '@overtone/telemetry';

/** The service, ready to be served. */
export function judgeService(backend: JudgeBackend): ServedService {
  return {
    definition: JudgeServiceService,
    implementation: {
      describe: unaryHandler((_, { signal }) => backend.describe(signal)),
      compare: bidiHandler((requests: AsyncIterable<CompareRequest>, { signal }) =>
        compare(backend, requests, signal),
      ),
    },
  };
}

/** Most characters of a comparison; many of them are under way at a time. */
const MOST_CHARACTERS = 2 ** 22;

async function* compare(
  backend: JudgeBackend,
  requests: AsyncIterable<CompareRequest>,
  signal: AbortSignal,
): AsyncGenerator<CompareResponse> {
  const items = new ItemSpans('overtone.judge.comparison', 'compare');
  async function* validated(): AsyncGenerator<CompareRequest> {
    for await (const request of requests) {
      checkField(request.id !== '', 'id', 'must not be empty');
      checkField(
        !items.has(request.id),
        'id',
        `"${request.id}" is still being compared; ids must be unique within a stream`,
      );
      for (const field of ['question', 'first', 'second'] as const) {
        checkField(request[field] !== '', field, `must not be empty (comparison "${request.id}")`);
      }
      const characters = request.question.length + request.first.length + request.second.length;
      checkField(
        characters <= MOST_CHARACTERS,
        'question, first, second',
        `have ${characters} characters together, expected at most ${MOST_CHARACTERS} (comparison "${request.id}")`,
      );
      items.start(request.id, request);
      yield request;
    }
  }
  for await (const response of items.until(backend.compare(validated(), signal))) {
    items.end(response.id, noteVerdict(response));
    yield response;
  }
}

const outcome = (name: string) => ({ 'overtone.judge.outcome': name });
const OUTCOMES: Readonly<Partial<Record<Outcome, ReturnType<typeof outcome>>>> = {
  [Outcome.OUTCOME_FIRST]: outcome('first'),
  [Outcome.OUTCOME_SECOND]: outcome('second'),
  [Outcome.OUTCOME_UNREADABLE]: outcome('unreadable'),
};
const OTHER = outcome('other');
const INPUT = { 'gen_ai.token.type': 'input' };
const OUTPUT = { 'gen_ai.token.type': 'output' };

/** Counts a verdict; returns what its span says of it. */
function noteVerdict({ outcome: answered, usage }: CompareResponse): Record<string, string | number> {
  const attributes = OUTCOMES[answered] ?? OTHER;
  count('overtone.judge.comparisons', 1, attributes);
  if (usage === undefined) return attributes;
  const { promptTokens, completionTokens } = usage;
  count('overtone.judge.tokens', promptTokens, INPUT);
  count('overtone.judge.tokens', completionTokens, OUTPUT);
  return {
    ...attributes,
    'gen_ai.usage.input_tokens': promptTokens,
    'gen_ai.usage.output_tokens': completionTokens,
  };
}
