// Dialects: what servers understand beyond OpenAI's own parameters, and what it takes to sample from the model's distribution with
// temperature and nucleus alone. Servers fill what a request leaves out with defaults of their own (llama-server: top_k 40,
// min_p 0.05; vLLM and SGLang: the model's generation_config.json), so everything is said.

/** Whose parameters a server takes. */
export type Dialect = 'llama.cpp' | 'vllm' | 'sglang' | 'ollama' | 'openai';

/** The dialect of a server, from `owned_by` in its list of models. */
export function dialectOf(ownedBy: string | undefined): Dialect {
  switch (ownedBy?.toLowerCase()) {
    case 'llamacpp':
      return 'llama.cpp';
    case 'vllm':
      return 'vllm';
    case 'sglang':
      return 'sglang';
    case 'library':
      return 'ollama';
    default:
      return 'openai';
  }
}

/** Parameters besides OpenAI's. */
export function extraParameters(dialect: Dialect): Readonly<Record<string, unknown>> {
  switch (dialect) {
    case 'llama.cpp':
      return {
        // Overtone, like vLLM and Transformers, cuts the nucleus after it has tempered; llama.cpp's default is the other way round.
        samplers: ['temperature', 'top_p'],
        top_k: -1,
        min_p: 0,
        repeat_penalty: 1,
        post_sampling_probs: false,
        // The whole text is the solution, thoughts included.
        reasoning_format: 'none',
      };
    case 'vllm':
      return { top_k: -1, min_p: 0, repetition_penalty: 1, return_token_ids: true };
    case 'sglang':
      return { top_k: -1, min_p: 0, repetition_penalty: 1 };
    case 'ollama':
    case 'openai':
      return {};
  }
}
