// Generate: samples, in completion order.
import { FinishReason, type GenerateRequest, type GenerateResponse } from '@overtone/contracts';
import { checkField, checkSampling, checkUniqueIds } from '@overtone/rpc';
import { count, countUpDown, type Span, streamSpan } from '@overtone/telemetry';
import { type AdapterResolver } from './adapter.ts';
import { type GeneratorBackend, type SamplingRequest } from './backend.ts';
import { poolError } from './pool-error.ts';
import { checkLength, parseMessages } from './messages.ts';
import { serverStatus } from './server-status.ts';

/** Answers one call. Refuses bad input before it samples anything. */
export async function* generate(
  backend: GeneratorBackend,
  resolveAdapter: AdapterResolver,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateResponse> {
  const parsed = parse(request, backend.describe().contextLength);
  const adapter = await resolveAdapter(request.adapter);
  const { prompts, options } = parsed;
  const attributes = {
    'overtone.prompt.count': prompts.length,
    'overtone.sample.count': prompts.length * options.samples,
    'overtone.adapter': adapter?.sha256 ?? '',
  };
  yield* streamSpan('overtone.generate', attributes, (span) =>
    sampled(backend, { ...parsed, adapter }, span, signal),
  );
}

/** The samples, counted; the first of them are events of the call's span. */
async function* sampled(
  backend: GeneratorBackend,
  request: SamplingRequest,
  span: Span,
  signal: AbortSignal,
): AsyncGenerator<GenerateResponse> {
  let open = request.prompts.length * request.options.samples;
  let [tokens, samples] = [0, 0];
  countUpDown('overtone.queue.depth', open, QUEUE);
  try {
    for await (const response of backend.generate(request, signal)) {
      open -= 1;
      countUpDown('overtone.queue.depth', -1, QUEUE);
      const reason = FINISH_REASONS[response.finishReason] ?? UNKNOWN;
      count('overtone.samples', 1, reason);
      tokens += response.completionTokens;
      if (samples++ < MOST_EVENTS) span.addEvent('overtone.sample', sampleAttributes(response, reason));
      yield response;
    }
  } catch (error) {
    throw serverStatus(poolError(error, (index) => `prompts[${index}]`));
  } finally {
    countUpDown('overtone.queue.depth', -open, QUEUE);
    span.setAttribute('overtone.token.count', tokens);
  }
}

const QUEUE = { 'overtone.queue.name': 'generate' };

/** Events of one span at most; the SDK would drop those beyond 128. */
const MOST_EVENTS = 100;

const finish = (reason: string) => ({ 'overtone.finish_reason': reason });
type Finish = ReturnType<typeof finish>;
const FINISH_REASONS: Readonly<Partial<Record<FinishReason, Finish>>> = {
  [FinishReason.FINISH_REASON_STOP]: finish('stop'),
  [FinishReason.FINISH_REASON_LENGTH]: finish('length'),
};
const UNKNOWN = finish('unknown');

function sampleAttributes({ promptId, sampleIndex, completionTokens }: GenerateResponse, reason: Finish) {
  return {
    'overtone.prompt.id': promptId,
    'overtone.sample.index': sampleIndex,
    'overtone.token.count': completionTokens,
    ...reason,
  };
}

function parse(
  { prompts, sampling }: GenerateRequest,
  contextLength: number,
): Omit<SamplingRequest, 'adapter'> {
  checkField(prompts.length > 0, 'prompts', 'must not be empty');
  checkUniqueIds(prompts, 'prompts');
  const { samples, temperature, topP, maxNewTokens, seed, stop } = checkSampling(sampling, prompts.length);
  return {
    prompts: prompts.map(({ id, messages }, index) => {
      const field = `prompts[${index}].messages`;
      const parsed = parseMessages(messages, field);
      const contents = parsed.map(({ content }) => content);
      checkLength(contents, contextLength, field);
      return { id, messages: parsed };
    }),
    options: { samples, temperature, topP, maxNewTokens, seed, stop },
  };
}
