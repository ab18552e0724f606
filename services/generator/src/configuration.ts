// The generator's configuration, read from the environment once, at start-up.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { type Hardware, readHardware } from '@overtone/tensor/hardware';

/** How the embedded engine hosts a model. */
export interface EngineConfiguration {
  /** The model folder. */
  readonly model: string;
  /** Worker threads. */
  readonly workers: number;
  /** Samples that each worker decodes at once. */
  readonly slots: number;
  /** Memory for keys and values of all workers, bytes; undefined: a quarter of the machine's. */
  readonly cacheBytes: number | undefined;
  /** What programs run on, and in which precision. */
  readonly hardware: Hardware;
}

/** Where the entropies of a server's samples come from. */
export type EntropySource = 'none' | 'top-k' | 'engine';

/** Which server samples, and how it is used. */
export interface OpenAiConfiguration {
  /** Its address, for example "http://localhost:8000/v1". */
  readonly baseUrl: string;
  /** The model's id there; undefined: the only one that it has. */
  readonly model: string | undefined;
  readonly apiKey: string | undefined;
  /** Most requests at a time. */
  readonly concurrency: number;
  /** Tries after the first. */
  readonly retries: number;
  /** Longest wait for one sample. */
  readonly timeoutMs: number;
  readonly entropy: EntropySource;
  /** The K of top-k. */
  readonly topLogprobs: number;
  /** Tokens in the vocabulary; undefined: what the server or the local model says. */
  readonly vocabularySize: number | undefined;
  /** Most adapters to keep on the server. */
  readonly adapters: number;
  /** Adapters lie under `here` for this process and under `there` for the server. */
  readonly adapterPath: { readonly here: string; readonly there: string } | undefined;
}

/** What to host, and how. */
export interface GeneratorConfiguration {
  /** The artifact store that adapters are fetched from; undefined hosts the base model alone. */
  readonly artifacts: string | undefined;
  /** The embedded engine; beside a server, it has local weights of the same model. */
  readonly engine: EngineConfiguration | undefined;
  /** The server that samples; undefined: the engine does. */
  readonly openai: OpenAiConfiguration | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

function positive(environment: Environment, name: string): number | undefined {
  const text = environment[name] || undefined;
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${name}: expected an integer of at least 1, got ${JSON.stringify(text)}`);
  return value;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };

/** A size with its unit, in bytes. */
function bytes(environment: Environment, name: string): number | undefined {
  const text = environment[name] || undefined;
  if (text === undefined) return undefined;
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([KMG]iB)?$/.exec(text) ?? [];
  const value = Math.floor(Number(number) * (UNITS[unit] ?? 1));
  if (!(value >= 1))
    throw new Error(`${name}: expected a size such as 512MiB or 2GiB, got ${JSON.stringify(text)}`);
  return value;
}

function oneOf<Choice extends string>(
  environment: Environment,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = environment[name] || undefined;
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined)
    throw new Error(`${name}: expected ${choices.map((each) => `"${each}"`).join(' or ')}, got "${text}"`);
  return choice;
}

/**
 * Reads the configuration:
 * - `OVERTONE_BACKEND`: "engine" (default) or "openai";
 * - `OVERTONE_ARTIFACTS`: URI of the artifact store, file:///… or s3://bucket/prefix, that holds adapters; default: none;
 *
 * and of the engine:
 * - `OVERTONE_MODEL`: the model folder (config.json, tokenizer.json, tokenizer_config.json, *.safetensors); with "openai", local
 *   weights of the model that the server hosts, for scores and entropies; default there: none;
 * - `OVERTONE_WORKERS`: worker threads; default: one a core;
 * - `OVERTONE_SLOTS`: samples that each worker decodes at once; default 64;
 * - `OVERTONE_KV_CACHE`: memory for keys and values, of all workers together, for example "2GiB"; default: a quarter of the machine's.
 *   Where it does not hold all slots fewer samples are decoded at once, and calls wait;
 * - `OVERTONE_DEVICE`: "cpu" (default), "cuda" or "webgpu"; `OVERTONE_PRECISION`: "float32" (default), "float16" or "int8";
 *
 * and of a server:
 * - `OVERTONE_OPENAI_BASE_URL`: its address, for example http://localhost:8000/v1;
 * - `OVERTONE_OPENAI_MODEL`: the model's id there; default: the only one that it has;
 * - `OPENAI_API_KEY`, or `OVERTONE_OPENAI_API_KEY_FILE`, a file that holds nothing else: the key; default: none;
 * - `OVERTONE_OPENAI_CONCURRENCY`: most requests at a time; default 32; for llama-server best its number of slots (-np): it notices
 *   only when their turn comes that requests it has queued were cancelled;
 * - `OVERTONE_OPENAI_RETRIES`: tries after the first, with growing pauses up to 8 s; default 8; "0" is none;
 * - `OVERTONE_OPENAI_TIMEOUT_S`: longest wait for one sample, seconds; default 600;
 * - `OVERTONE_ENTROPY`: "engine" (teacher-forced on `OVERTONE_MODEL`; default where that is set), "top-k" (an approximation from the
 *   log-probabilities that the server returns, with its bound) or "none" (default otherwise);
 * - `OVERTONE_OPENAI_TOP_LOGPROBS`: the K of top-k; default 20, which is also the most that vLLM and OpenAI give unless told otherwise;
 * - `OVERTONE_OPENAI_VOCABULARY`: tokens in the vocabulary, for the bound of top-k; default: what the server or the local model says;
 * - `OVERTONE_OPENAI_ADAPTERS`: most adapters to keep on the server; default 8;
 * - `OVERTONE_OPENAI_ADAPTER_PATH`: "/here=/there" for a server that sees the artifact store's folder elsewhere; default: it sees the same.
 *
 * @throws Error that names the variable.
 */
export function readConfiguration(environment: Environment): GeneratorConfiguration {
  const backend = oneOf(environment, 'OVERTONE_BACKEND', ['engine', 'openai']) ?? 'engine';
  const model = environment.OVERTONE_MODEL || '';
  if (backend === 'engine' && model === '')
    throw new Error('OVERTONE_MODEL: set it to the folder of the model to host');
  const engine =
    model === ''
      ? undefined
      : {
          model,
          workers: positive(environment, 'OVERTONE_WORKERS') ?? availableParallelism(),
          slots: positive(environment, 'OVERTONE_SLOTS') ?? 64,
          cacheBytes: bytes(environment, 'OVERTONE_KV_CACHE'),
          hardware: readHardware(environment),
        };
  return {
    artifacts: environment.OVERTONE_ARTIFACTS || undefined,
    engine,
    openai: backend === 'openai' ? readOpenAi(environment, engine !== undefined) : undefined,
  };
}

function readOpenAi(environment: Environment, hasWeights: boolean): OpenAiConfiguration {
  const baseUrl = environment.OVERTONE_OPENAI_BASE_URL || '';
  if (baseUrl === '')
    throw new Error(
      'OVERTONE_OPENAI_BASE_URL: set it to the address of the server, for example http://localhost:8000/v1',
    );
  const entropy =
    oneOf(environment, 'OVERTONE_ENTROPY', ['none', 'top-k', 'engine']) ?? (hasWeights ? 'engine' : 'none');
  if (entropy === 'engine' && !hasWeights)
    throw new Error(
      'OVERTONE_ENTROPY: "engine" needs local weights of the model that the server hosts: set OVERTONE_MODEL to their folder',
    );
  return {
    baseUrl,
    model: environment.OVERTONE_OPENAI_MODEL || undefined,
    apiKey: readKey(environment),
    concurrency: positive(environment, 'OVERTONE_OPENAI_CONCURRENCY') ?? 32,
    retries:
      environment.OVERTONE_OPENAI_RETRIES === '0'
        ? 0
        : (positive(environment, 'OVERTONE_OPENAI_RETRIES') ?? 8),
    timeoutMs: 1000 * (positive(environment, 'OVERTONE_OPENAI_TIMEOUT_S') ?? 600),
    entropy,
    topLogprobs: positive(environment, 'OVERTONE_OPENAI_TOP_LOGPROBS') ?? 20,
    vocabularySize: positive(environment, 'OVERTONE_OPENAI_VOCABULARY'),
    adapters: positive(environment, 'OVERTONE_OPENAI_ADAPTERS') ?? 8,
    adapterPath: readAdapterPath(environment),
  };
}

function readKey(environment: Environment): string | undefined {
  const file = environment.OVERTONE_OPENAI_API_KEY_FILE || undefined;
  if (file === undefined) return environment.OPENAI_API_KEY || undefined;
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new Error(`OVERTONE_OPENAI_API_KEY_FILE: cannot read ${file}: ${reason}`);
  }
  if (key === '') throw new Error(`OVERTONE_OPENAI_API_KEY_FILE: ${file} is empty; it must hold the key`);
  return key;
}

function readAdapterPath(environment: Environment): OpenAiConfiguration['adapterPath'] {
  const text = environment.OVERTONE_OPENAI_ADAPTER_PATH || undefined;
  if (text === undefined) return undefined;
  const [here = '', there = '', ...more] = text.split('=');
  if (here === '' || there === '' || more.length > 0)
    throw new Error(`OVERTONE_OPENAI_ADAPTER_PATH: expected "/here=/there", got ${JSON.stringify(text)}`);
  return { here, there };
}
