// A chat completion in the trace and among the metrics, by OpenTelemetry's conventions for generative AI. What was asked and answered is
// not part of it: questions and solutions may be anybody's.
import { recordValue, withSpan } from '@overtone/telemetry';
import { serverAttributes } from './request-span.ts';

/** What is asked for. */
export interface ChatFacts {
  /** The server's base URL. */
  readonly server: string;
  readonly model: string;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  /** Whether JSON of a schema is demanded. */
  readonly json?: boolean | undefined;
}

/** Asks within a span "chat MODEL": `ask` returns the body of the answer. */
export async function withChatSpan(facts: ChatFacts, ask: () => Promise<unknown>): Promise<unknown> {
  const { server, model, temperature, topP, maxTokens, seed, stop = [], json = false } = facts;
  const common: Record<string, string | number> = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': model,
    ...serverAttributes(new URL(server)),
  };
  const attributes = {
    ...common,
    'gen_ai.output.type': json ? 'json' : 'text',
    ...(temperature === undefined ? {} : { 'gen_ai.request.temperature': temperature }),
    ...(topP === undefined ? {} : { 'gen_ai.request.top_p': topP }),
    ...(maxTokens === undefined ? {} : { 'gen_ai.request.max_tokens': maxTokens }),
    ...(seed === undefined ? {} : { 'gen_ai.request.seed': seed }),
    ...(stop.length === 0 ? {} : { 'gen_ai.request.stop_sequences': [...stop] }),
  };
  const started = performance.now();
  const outcome: Record<string, string | number> = {};
  try {
    return await withSpan(
      `chat ${model}`,
      attributes,
      async (span) => {
        const answer = await ask();
        const { response, input, output } = readAnswerFacts(answer);
        span.setAttributes(response);
        if (input !== undefined) span.setAttribute('gen_ai.usage.input_tokens', input);
        if (output !== undefined) span.setAttribute('gen_ai.usage.output_tokens', output);
        const answeredBy = response['gen_ai.response.model'];
        if (typeof answeredBy === 'string') outcome['gen_ai.response.model'] = answeredBy;
        for (const [type, tokens] of [
          ['input', input],
          ['output', output],
        ] as const)
          if (tokens !== undefined)
            recordValue('gen_ai.client.token.usage', tokens, {
              ...common,
              ...outcome,
              'gen_ai.token.type': type,
            });
        return answer;
      },
      { client: true },
    );
  } catch (error) {
    outcome['error.type'] = error instanceof Error ? error.name : 'error';
    throw error;
  } finally {
    const seconds = (performance.now() - started) / 1000;
    recordValue('gen_ai.client.operation.duration', seconds, { ...common, ...outcome });
  }
}

/** What an answer says of itself, as far as it has the form of one. */
function readAnswerFacts(answer: unknown): {
  readonly response: Record<string, string | string[]>;
  readonly input: number | undefined;
  readonly output: number | undefined;
} {
  const body = fieldsOf(answer);
  const usage = fieldsOf(body['usage']);
  const choices: unknown[] = Array.isArray(body['choices']) ? body['choices'] : [];
  const reasons = choices
    .map((choice) => fieldsOf(choice)['finish_reason'])
    .filter((reason) => typeof reason === 'string');
  const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
  return {
    response: {
      ...(typeof body['model'] === 'string' ? { 'gen_ai.response.model': body['model'] } : {}),
      ...(typeof body['id'] === 'string' ? { 'gen_ai.response.id': body['id'] } : {}),
      ...(reasons.length > 0 ? { 'gen_ai.response.finish_reasons': reasons } : {}),
    },
    input: number(usage['prompt_tokens']),
    output: number(usage['completion_tokens']),
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
