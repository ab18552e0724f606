// Generate: samples, in completion order.
import { FinishReason, type GenerateRequest, type GenerateResponse } from '@overtone/contracts';
import { checkField, checkUniqueIds, requiredField } from '@overtone/rpc';
import { type FinishedSample, type PoolGenerateRequest, type SamplingPool } from '@overtone/sampling';
import { count, tracer } from '@overtone/telemetry';
import { type AdapterResolver } from './adapter.ts';
import { poolError } from './pool-error.ts';
import { parseMessages } from './messages.ts';

/** Answers one call. Refuses bad input before it samples anything. */
export async function* generate(
  pool: SamplingPool,
  resolveAdapter: AdapterResolver,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateResponse> {
  const parsed = parse(request);
  const adapter = await resolveAdapter(request.adapter);
  const span = tracer('generator').startSpan('sample', {
    attributes: { prompts: parsed.prompts.length, samples: parsed.options.samples, adapter: adapter ?? '' },
  });
  let tokens = 0;
  try {
    for await (const sample of pool.generate({ ...parsed, adapter }, signal)) {
      tokens += sample.tokens.length;
      yield response(sample);
    }
  } catch (error) {
    throw poolError(error, (index) => `prompts[${index}]`);
  } finally {
    count('overtone.generator.sampled_tokens', tokens);
    span.setAttribute('tokens', tokens).end();
  }
}

function parse({ prompts, sampling }: GenerateRequest): Omit<PoolGenerateRequest, 'adapter'> {
  checkField(prompts.length > 0, 'prompts', 'must not be empty');
  checkUniqueIds(prompts, 'prompts');
  const { samples, temperature, topP, maxNewTokens, seed } = requiredField(sampling, 'sampling');
  checkField(samples >= 1, 'sampling.samples', 'must be at least 1');
  checkField(
    Number.isFinite(temperature) && temperature >= 0,
    'sampling.temperature',
    `must be a number ≥ 0, got ${temperature}`,
  );
  checkField(topP > 0 && topP <= 1, 'sampling.top_p', `must be in (0, 1], got ${topP}`);
  checkField(maxNewTokens >= 1, 'sampling.max_new_tokens', 'must be at least 1');
  return {
    prompts: prompts.map(({ id, messages }, index) => ({
      id,
      messages: parseMessages(messages, `prompts[${index}].messages`),
    })),
    options: { samples, temperature, topP, maxNewTokens, seed },
  };
}

function response(sample: FinishedSample): GenerateResponse {
  return {
    promptId: sample.promptId,
    sampleIndex: sample.sampleIndex,
    text: sample.text,
    tokenIds: Array.from(sample.tokens),
    tokenLogprobs: Array.from(sample.logprobs),
    tokenEntropies: Array.from(sample.entropies),
    finishReason:
      sample.finishReason === 'stop' ? FinishReason.FINISH_REASON_STOP : FinishReason.FINISH_REASON_LENGTH,
    promptTokens: sample.promptTokens,
  };
}
