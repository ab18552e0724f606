// How the generator is started: what samples, and where entropies come from.
import { parse } from 'yaml';
import { z } from 'zod';
import { InputError, oneLine } from '../input-error.ts';
import { serverAddress } from './server-address.ts';
import { missing, object } from './strict.ts';

const count = z.int({ error: 'must be a whole number' }).min(1);

const engine = object({
  /** The embedded engine samples from `model`. */
  backend: z.literal('engine'),
});

const openai = object({
  /** An OpenAI-compatible server samples; its key is OPENAI_API_KEY, or in the file OVERTONE_OPENAI_API_KEY_FILE. */
  backend: z.literal('openai'),
  /** Its address, for example http://localhost:8000/v1. */
  baseUrl: serverAddress,
  /** The model's id there; absent: the only one that the server has. It must be `model`, which is trained and judges. */
  model: z.string().min(1).optional(),
  /** Most requests at a time; for llama-server best its number of slots (-np). Default 32. */
  concurrency: count.default(32),
  /** Tries after the first, with growing pauses up to 8 s. Default 8. */
  retries: z.int().min(0).default(8),
  /** Longest wait for one sample, seconds. Default 600. */
  timeoutSeconds: count.default(600),
  /**
   * Where entropies come from: `engine` runs every sample through the weights of `model`; `top-k` approximates them from the
   * log-probabilities that the server returns; `none`. Default engine.
   */
  entropy: z.enum(['engine', 'top-k', 'none']).default('engine'),
  /** The K of top-k. Default 20, the most that vLLM gives unless it is told otherwise. */
  topLogprobs: count.default(20),
  /** Tokens in the vocabulary, for the bound of top-k; absent: the server says. */
  vocabulary: count.optional(),
  /** Most adapters to keep on the server. Default 8. */
  adapters: count.default(8),
  /** Where the server sees the artifacts' folder, if not in the same place. */
  adapterPath: object({ here: z.string().min(1), there: z.string().min(1) }).optional(),
});

/** The `generator` section of an experiment file. */
export const generator = z.discriminatedUnion('backend', [engine, openai], {
  error: 'must have a "backend": "engine" or "openai"',
});
export type Generator = z.infer<typeof generator>;

/**
 * A generator on a command line: {keys of `generator` in an experiment file}, for sampling alone, without entropies.
 *
 * @throws InputError that says what is wrong.
 */
export function parseGenerator(text: string): Generator {
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new InputError(`--generator: ${oneLine(error instanceof Error ? error.message : String(error))}`);
  }
  const parsed = generator.safeParse(value, { error: missing });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') ?? '';
    throw new InputError(`--generator: ${path === '' ? '' : `${path}: `}${issue?.message ?? 'malformed'}`);
  }
  return parsed.data.backend === 'openai' ? { ...parsed.data, entropy: 'none' } : parsed.data;
}

/** What of an experiment says whether local weights are needed to generate. */
interface Needs {
  readonly generator: Generator;
  readonly judges: Readonly<Record<string, { readonly backend: string }>>;
}

/** Whether the generator has to hold the model's weights itself: to sample, for entropies, or for a judge that reads its verdicts from them. */
export function needsWeights({ generator, judges }: Needs): boolean {
  if (generator.backend === 'engine' || generator.entropy === 'engine') return true;
  return Object.values(judges).some(({ backend }) => backend === 'generator');
}

/** The generator's environment; empty values are its defaults, whatever this process's own environment says. */
export function generatorEnvironment(experiment: Needs & { readonly model: string }): Record<string, string> {
  const { generator, model } = experiment;
  const OVERTONE_MODEL = needsWeights(experiment) ? model : '';
  if (generator.backend === 'engine') return { OVERTONE_BACKEND: 'engine', OVERTONE_MODEL };
  const { adapterPath } = generator;
  return {
    OVERTONE_BACKEND: 'openai',
    OVERTONE_MODEL,
    OVERTONE_OPENAI_BASE_URL: generator.baseUrl,
    OVERTONE_OPENAI_MODEL: generator.model ?? '',
    OVERTONE_OPENAI_CONCURRENCY: String(generator.concurrency),
    OVERTONE_OPENAI_RETRIES: String(generator.retries),
    OVERTONE_OPENAI_TIMEOUT_S: String(generator.timeoutSeconds),
    OVERTONE_ENTROPY: generator.entropy,
    OVERTONE_OPENAI_TOP_LOGPROBS: String(generator.topLogprobs),
    OVERTONE_OPENAI_VOCABULARY: generator.vocabulary === undefined ? '' : String(generator.vocabulary),
    OVERTONE_OPENAI_ADAPTERS: String(generator.adapters),
    OVERTONE_OPENAI_ADAPTER_PATH: adapterPath === undefined ? '' : `${adapterPath.here}=${adapterPath.there}`,
  };
}
