// Generate: samples, in completion order.
import { type GenerateRequest, type GenerateResponse } from '@overtone/contracts';
import { checkField, checkUniqueIds, requiredField } from '@overtone/rpc';
import { count, tracer } from '@overtone/telemetry';
import { type AdapterResolver } from './adapter.ts';
import { type GeneratorBackend, type SamplingRequest } from './backend.ts';
import { poolError } from './pool-error.ts';
import { parseMessages } from './messages.ts';
import { serverStatus } from './server-status.ts';

/** Answers one call. Refuses bad input before it samples anything. */
export async function* generate(
  backend: GeneratorBackend,
  resolveAdapter: AdapterResolver,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateResponse> {
  const parsed = parse(request);
  const adapter = await resolveAdapter(request.adapter);
  const span = tracer('generator').startSpan('sample', {
    attributes: {
      prompts: parsed.prompts.length,
      samples: parsed.options.samples,
      adapter: adapter?.folder ?? '',
    },
  });
  let tokens = 0;
  try {
    for await (const response of backend.generate({ ...parsed, adapter }, signal)) {
      tokens += response.completionTokens;
      yield response;
    }
  } catch (error) {
    throw serverStatus(poolError(error, (index) => `prompts[${index}]`));
  } finally {
    count('overtone.generator.sampled_tokens', tokens);
    span.setAttribute('tokens', tokens).end();
  }
}

function parse({ prompts, sampling }: GenerateRequest): Omit<SamplingRequest, 'adapter'> {
  checkField(prompts.length > 0, 'prompts', 'must not be empty');
  checkUniqueIds(prompts, 'prompts');
  const { samples, temperature, topP, maxNewTokens, seed, stop } = requiredField(sampling, 'sampling');
  checkField(samples >= 1, 'sampling.samples', 'must be at least 1');
  checkField(
    Number.isFinite(temperature) && temperature >= 0,
    'sampling.temperature',
    `must be a number ≥ 0, got ${temperature}`,
  );
  checkField(topP > 0 && topP <= 1, 'sampling.top_p', `must be in (0, 1], got ${topP}`);
  checkField(maxNewTokens >= 1, 'sampling.max_new_tokens', 'must be at least 1');
  stop.forEach((text, index) => checkField(text !== '', `sampling.stop[${index}]`, 'must not be empty'));
  return {
    prompts: prompts.map(({ id, messages }, index) => ({
      id,
      messages: parseMessages(messages, `prompts[${index}].messages`),
    })),
    options: { samples, temperature, topP, maxNewTokens, seed, stop },
  };
}
