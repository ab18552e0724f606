// What is asked of a chat API beyond an answer, and what is given up when it refuses.

/** What a request asks for. */
export interface Demands {
  /** An answer that follows a JSON schema. */
  readonly schema: boolean;
  /** The log-probabilities of the answer's tokens. */
  readonly logprobs: boolean;
  /** Temperature 0; models that think refuse it. */
  readonly temperature: boolean;
  /** How the most tokens of an answer are called. */
  readonly tokens: 'max_tokens' | 'max_completion_tokens';
}

/** A request. */
export interface JudgingRequest {
  readonly model: string;
  readonly prompt: string;
  readonly demands: Demands;
  /** Whether the answer holds an analysis before the verdict. */
  readonly analysis: boolean;
  readonly maxTokens: number;
  /** Further parameters; they win. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Most alternatives that every known server gives: OpenAI's and vLLM's limit. */
const TOP_LOGPROBS = 20;

const better = { type: 'string', enum: ['0', '1'] };

/** The body of a request for chat completions. */
export function requestBody(request: JudgingRequest): Record<string, unknown> {
  const { model, prompt, demands, analysis, maxTokens, parameters } = request;
  const properties = analysis ? { analysis: { type: 'string' }, better } : { better };
  const schema = {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
  return {
    model,
    messages: [{ role: 'user', content: prompt }],
    [demands.tokens]: maxTokens,
    ...(demands.temperature ? { temperature: 0 } : {}),
    ...(demands.logprobs ? { logprobs: true, top_logprobs: TOP_LOGPROBS } : {}),
    ...(demands.schema
      ? { response_format: { type: 'json_schema', json_schema: { name: 'verdict', strict: true, schema } } }
      : {}),
    ...parameters,
  };
}

/**
 * What to ask for after a refusal: without what the refusal speaks of, else without what fewest servers have.
 *
 * @param needs what is never given up.
 * @returns undefined when there is nothing to give up.
 */
export function nextDemands(
  demands: Demands,
  refusal: string,
  needs: Pick<Demands, 'schema' | 'logprobs'>,
): Demands | undefined {
  const schema = demands.schema && !needs.schema;
  const logprobs = demands.logprobs && !needs.logprobs;
  if (demands.tokens === 'max_tokens' && refusal.includes('max_completion_tokens'))
    return { ...demands, tokens: 'max_completion_tokens' };
  if (demands.temperature && /temperature/i.test(refusal)) return { ...demands, temperature: false };
  if (logprobs && /logprob/i.test(refusal)) return { ...demands, logprobs: false };
  if (schema && /response_format|schema|grammar/i.test(refusal)) return { ...demands, schema: false };
  if (logprobs) return { ...demands, logprobs: false };
  if (schema) return { ...demands, schema: false };
  return undefined;
}
