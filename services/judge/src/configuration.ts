// The judge's configuration, read from the environment once, at start-up.
import { JUDGE_MODES, keyFromFile, type JudgeMode } from '@overtone/judging/openai-settings';

/** An OpenAI-compatible API that judges. */
export interface OpenAiConfiguration {
  backend: 'openai';
  name: string | undefined;
  baseUrl: string;
  /** Undefined: the only one that the server has. */
  model: string | undefined;
  apiKey: string | undefined;
  /** Reads the key's file again; undefined where there is none. */
  rereadKey: (() => string) | undefined;
  mode: JudgeMode;
  template: string;
  analysisTokens: number;
  maxTokens: number | undefined;
  concurrency: number;
  retries: number;
  timeoutMs: number;
  parameters: Readonly<Record<string, unknown>>;
  /** The folder of what is kept; undefined: nothing outlives the process. */
  state: string | undefined;
}

/** Who judges. */
export type JudgeConfiguration =
  | { backend: 'rubric'; name: string | undefined }
  | {
      backend: 'generator';
      name: string | undefined;
      generator: string;
      template: string;
      /** 0: the verdict alone. */
      analysisTokens: number;
    }
  | OpenAiConfiguration;

type Environment = Readonly<Record<string, string | undefined>>;

/** Most tokens of an analysis where the template asks for one and nothing else is said. */
const ANALYSIS_TOKENS = 512;

/**
 * Reads the configuration:
 * - `OVERTONE_JUDGE`: "rubric", "generator" or "openai";
 * - `OVERTONE_JUDGE_NAME`: the name for reports; default: the backend's name;
 * - `OVERTONE_JUDGE_TEMPLATE`: a shipped judging template's name or a file's path (generator, openai); default "verdict-only", or
 *   "analysis-then-verdict" where there is to be an analysis;
 * - `OVERTONE_JUDGE_ANALYSIS_TOKENS`: most tokens of an analysis before the verdict (generator, openai); default 0, none; 512 with
 *   the template "analysis-then-verdict";
 * - `OVERTONE_GENERATOR`: host:port of the Generator service that judges (generator);
 *
 * and of an OpenAI-compatible API:
 * - `OVERTONE_JUDGE_BASE_URL`: its address, for example https://api.openai.com/v1;
 * - `OVERTONE_JUDGE_MODEL`: the model's id; default: the only one that the server has;
 * - `OVERTONE_JUDGE_API_KEY`, or `OVERTONE_JUDGE_API_KEY_FILE`, a file that holds nothing else, read again when the server refuses
 *   the key; default: none;
 * - `OVERTONE_JUDGE_MODE`: how verdicts are come by: "logprobs", "json-schema", "text", or "auto" (default), the first of them that
 *   the server accepts;
 * - `OVERTONE_JUDGE_MAX_TOKENS`: most tokens of an answer; default: those of the analysis and 32;
 * - `OVERTONE_JUDGE_CONCURRENCY`: most requests at a time; default 16;
 * - `OVERTONE_JUDGE_RETRIES`: tries after the first, with growing pauses, or as long as Retry-After says; default 4;
 * - `OVERTONE_JUDGE_TIMEOUT_S`: longest wait for one answer, seconds; default 120;
 * - `OVERTONE_JUDGE_PARAMETERS`: further parameters of every request, a JSON object;
 * - `OVERTONE_STATE`: a folder where its latest answers are kept, so that nothing is paid for twice when the process is killed;
 *   default: they are kept in memory.
 *
 * @throws Error that names the variable.
 */
export function readConfiguration(environment: Environment): JudgeConfiguration {
  const name = environment.OVERTONE_JUDGE_NAME || undefined;
  const backend = environment.OVERTONE_JUDGE || '';
  if (backend === 'rubric') return { backend, name };
  if (backend !== 'generator' && backend !== 'openai') {
    throw new Error(
      `OVERTONE_JUDGE: expected "rubric" or "generator" or "openai", got ${JSON.stringify(backend)}`,
    );
  }
  const prompting = readPrompting(environment);
  if (backend === 'openai') return { backend, name, ...prompting, ...readApi(environment) };
  const generator = environment.OVERTONE_GENERATOR || '';
  if (generator === '') {
    throw new Error('OVERTONE_GENERATOR: set it to the host:port of the Generator service that is to judge');
  }
  return { backend, name, generator, ...prompting };
}

function readPrompting(environment: Environment): { template: string; analysisTokens: number } {
  const given = environment.OVERTONE_JUDGE_TEMPLATE || undefined;
  const tokens = whole(environment, 'OVERTONE_JUDGE_ANALYSIS_TOKENS', 0);
  const template = given ?? (tokens ? 'analysis-then-verdict' : 'verdict-only');
  return { template, analysisTokens: tokens ?? (template === 'analysis-then-verdict' ? ANALYSIS_TOKENS : 0) };
}

function readApi(
  environment: Environment,
): Omit<OpenAiConfiguration, 'backend' | 'name' | 'template' | 'analysisTokens'> {
  const baseUrl = environment.OVERTONE_JUDGE_BASE_URL || '';
  if (baseUrl === '') {
    throw new Error(
      'OVERTONE_JUDGE_BASE_URL: set it to the address of the API that is to judge, for example http://localhost:8000/v1',
    );
  }
  const modeText = environment.OVERTONE_JUDGE_MODE || 'auto';
  const mode = JUDGE_MODES.find((candidate) => candidate === modeText);
  if (mode === undefined)
    throw new Error(
      `OVERTONE_JUDGE_MODE: expected one of ${JUDGE_MODES.join(', ')}, got ${JSON.stringify(modeText)}`,
    );
  return {
    baseUrl,
    mode,
    model: environment.OVERTONE_JUDGE_MODEL || undefined,
    ...readKey(environment),
    maxTokens: whole(environment, 'OVERTONE_JUDGE_MAX_TOKENS', 1),
    concurrency: whole(environment, 'OVERTONE_JUDGE_CONCURRENCY', 1) ?? 16,
    retries: whole(environment, 'OVERTONE_JUDGE_RETRIES', 0) ?? 4,
    timeoutMs: (whole(environment, 'OVERTONE_JUDGE_TIMEOUT_S', 1) ?? 120) * 1000,
    parameters: readParameters(environment.OVERTONE_JUDGE_PARAMETERS || '{}'),
    state: environment.OVERTONE_STATE || undefined,
  };
}

function readKey(environment: Environment): Pick<OpenAiConfiguration, 'apiKey' | 'rereadKey'> {
  const key = environment.OVERTONE_JUDGE_API_KEY || undefined;
  const file = environment.OVERTONE_JUDGE_API_KEY_FILE || undefined;
  if (file === undefined) return { apiKey: key, rereadKey: undefined };
  if (key !== undefined)
    throw new Error(
      'OVERTONE_JUDGE_API_KEY, OVERTONE_JUDGE_API_KEY_FILE: both are set; expected one of them, leave the other out',
    );
  const rereadKey = (): string => keyFromFile(file);
  try {
    return { apiKey: rereadKey(), rereadKey };
  } catch (error) {
    throw new Error(
      `OVERTONE_JUDGE_API_KEY_FILE: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

function readParameters(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`OVERTONE_JUDGE_PARAMETERS: expected a JSON object, got ${JSON.stringify(text)}`);
  return Object.fromEntries(Object.entries(value));
}

function whole(environment: Environment, name: string, least: number): number | undefined {
  const text = environment[name] || undefined;
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`${name}: expected an integer of at least ${least}, got ${JSON.stringify(text)}`);
  return value;
}
