// Score: teacher-forced scores of a stream of texts, in batches that the backend's workers share.
import { type ScoreRequest, type ScoreResponse } from '@overtone/contracts';
import { checkField, invalidArgument, mapConcurrent } from '@overtone/rpc';
import { type ItemScore, type ScoringRequestItem } from '@overtone/sampling';
import { ItemSpans, withSpan } from '@overtone/telemetry';
import { type AdapterResolver } from './adapter.ts';
import { type GeneratorBackend, type HostedAdapter } from './backend.ts';
import { batches } from './batches.ts';
import { checkLength, parseMessages } from './messages.ts';
import { poolError } from './pool-error.ts';
import { serverStatus } from './server-status.ts';

const BATCH_SIZE = 64;
const BATCH_WAIT_MS = 3;
/** Most continuations of a request: each is a branch of its row. */
const MOST_CONTINUATIONS = 1024;

interface ParsedRequest {
  readonly id: string;
  readonly item: ScoringRequestItem;
}

/** Answers one stream; a bad request ends it. */
export async function* score(
  backend: GeneratorBackend,
  resolveAdapter: AdapterResolver,
  requests: AsyncIterable<ScoreRequest>,
  signal: AbortSignal,
): AsyncGenerator<ScoreResponse> {
  const { contextLength } = backend.describe();
  const items = new ItemSpans('overtone.score.item', 'score');
  let stream: { readonly adapter: HostedAdapter | undefined } | undefined;
  async function* parsed(): AsyncGenerator<ParsedRequest> {
    for await (const request of requests) {
      const { id } = request;
      checkField(id !== '', 'id', 'must not be empty');
      checkField(!items.has(id), 'id', `"${id}" is still being scored; ids must be unique within a stream`);
      stream ??= { adapter: await resolveAdapter(request.adapter) };
      checkField(
        stream.adapter?.sha256 === request.adapter?.sha256,
        'adapter',
        `request "${id}" names another one than the first; expected one adapter for a whole stream`,
      );
      const item = parse(request, contextLength);
      items.start(id, request);
      yield { id, item };
    }
  }
  const scored = mapConcurrent(
    batches(parsed(), { size: BATCH_SIZE, waitMs: BATCH_WAIT_MS }),
    (batch, stop) => scoreBatch(backend, stream?.adapter, batch, items, stop),
    { limit: backend.scoringConcurrency, signal },
  );
  for await (const responses of items.until(scored)) {
    for (const response of responses) {
      items.end(response.id);
      yield response;
    }
  }
}

/** Scores what came together; the batch's span links to those of its items. */
function scoreBatch(
  backend: GeneratorBackend,
  adapter: HostedAdapter | undefined,
  batch: readonly ParsedRequest[],
  traced: ItemSpans,
  signal: AbortSignal,
): Promise<ScoreResponse[]> {
  const attributes = { 'overtone.batch.items': batch.length, 'overtone.adapter': adapter?.sha256 ?? '' };
  const links = traced.links(batch.map(({ id }) => id));
  const work = async (): Promise<ScoreResponse[]> => {
    const items = batch.map(({ item }) => item);
    const scores = await backend.score(items, adapter, signal).catch((error: unknown) => {
      throw serverStatus(poolError(error, (index) => `request "${batch[index]?.id ?? index}"`));
    });
    return scores.map((itemScore, index) => {
      const { id, item } = batch[index] ?? {};
      if (id === undefined || item === undefined)
        throw new Error('The backend returned more scores than items');
      return response(id, item, itemScore);
    });
  };
  return withSpan('overtone.score.batch', attributes, work, { links });
}

function parse({ id, messages, target }: ScoreRequest, contextLength: number): ScoringRequestItem {
  const where = (field: string): string => `${field} (request "${id}")`;
  const parsed = parseMessages(messages, where('messages'));
  const contents = parsed.map(({ content }) => content);
  if (target?.$case === 'completion') {
    const { text, tokenEnds: ends = false } = target.value;
    checkLength([...contents, text], contextLength, where('messages and completion'));
    return { messages: parsed, target: { completion: text, ends } };
  }
  if (target?.$case !== 'continuations')
    throw invalidArgument(where('target'), 'must be a completion or continuations');
  const { texts } = target.value;
  checkField(texts.length > 0, where('continuations.texts'), 'must not be empty');
  checkField(
    texts.length <= MOST_CONTINUATIONS,
    where('continuations.texts'),
    `must be at most ${MOST_CONTINUATIONS}, are ${texts.length}`,
  );
  checkLength([...contents, ...texts], contextLength, where('messages and continuations'));
  texts.forEach((text, index) =>
    checkField(text !== '', where(`continuations.texts[${index}]`), 'must not be empty'),
  );
  return { messages: parsed, target: { continuations: texts } };
}

function response(
  id: string,
  { target }: ScoringRequestItem,
  { promptTokens, texts }: ItemScore,
): ScoreResponse {
  const whole = 'continuations' in target ? undefined : texts[0];
  return {
    id,
    tokenLogprobs: Array.from(whole?.logprobs ?? []),
    tokenEntropies: Array.from(whole?.entropies ?? []),
    tokenEnds: [...(whole?.ends ?? [])],
    continuationLogprobs: whole
      ? []
      : texts.map(({ logprobs }) => logprobs.reduce((sum, logprob) => sum + logprob, 0)),
    usage: {
      promptTokens,
      completionTokens: texts.reduce((sum, { logprobs }) => sum + logprobs.length, 0),
    },
  };
}
