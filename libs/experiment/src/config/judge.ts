// The judges of an experiment file: who they are, how pairs are chosen for them, and what they may cost.
import { isAbsolute, resolve } from 'node:path';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { serverAddress } from './server-address.ts';
import { object, unknownName } from './strict.ts';

const count = z.int({ error: 'must be a whole number' }).min(1);
const price = z.number().min(0);

const budget = object({
  /** Most comparisons, each order one. */
  calls: z.int().min(0).optional(),
  /** Most tokens, read and written together. */
  tokens: z.int().min(0).optional(),
  currency: object({
    /** Most to spend, in whatever currency the prices are. */
    amount: price,
    /** Price of a million tokens read. */
    promptPerMillion: price,
    /** Price of a million tokens written. */
    completionPerMillion: price,
  }).optional(),
});

const comparing = {
  /**
   * How pairs are chosen: every pair, or in rounds those that rank with fewer comparisons. Default all-pairs (the paper).
   */
  plan: z.enum(['all-pairs', 'swiss', 'sorting', 'active']).optional(),
  /** Most pairs of a question over all rounds; the plan decides when absent. */
  maxPairs: count.optional(),
  /** What may be spent on the judge over all sittings of the run; without limit when absent. */
  budget: budget.optional(),
  /** How long the run waits for a judge that is down, seconds, before it ends with what has been judged kept. Default 1800. */
  patienceSeconds: z.int().min(0).optional(),
};

const prompting = {
  /** Name or path of the judging prompt; "verdict-only" when absent, or "analysis-then-verdict" with `analysisTokens`. */
  template: z.string().min(1).optional(),
  /** Let the judge write an analysis of at most so many tokens before its verdict (the paper's form); absent: the verdict alone. */
  analysisTokens: count.optional(),
};

const BACKENDS: readonly string[] = ['generator', 'openai', 'rubric', 'address'];

/** A judge. */
export const judge = z.discriminatedUnion(
  'backend',
  [
    object({
      /** The model of the experiment itself judges. */
      backend: z.literal('generator'),
      ...prompting,
      ...comparing,
    }),
    object({
      /** An OpenAI-compatible API; its key is OVERTONE_JUDGE_API_KEY, or in the file OVERTONE_JUDGE_API_KEY_FILE. */
      backend: z.literal('openai'),
      /** Its address, for example https://api.openai.com/v1. */
      baseUrl: serverAddress,
      /** The model's id there; absent: the only one that the server has. */
      model: z.string().min(1).optional(),
      /** The file with the key of this judge, where several have keys of their own. */
      apiKeyFile: z.string().min(1).optional(),
      /** How verdicts are come by; `auto` takes the first of the others that the server accepts. Default auto. */
      mode: z.enum(['auto', 'logprobs', 'json-schema', 'text']).default('auto'),
      ...prompting,
      /** Most tokens of an answer; models that think before they answer need more. Default: those of the analysis and 32. */
      maxTokens: count.optional(),
      /** Most requests at a time. Default 16. */
      concurrency: count.default(16),
      /** Tries after the first, with growing pauses or as long as Retry-After says. Default 4. */
      retries: z.int().min(0).default(4),
      /** Longest wait for one answer, seconds. Default 120. */
      timeoutSeconds: count.default(120),
      /** Further parameters of every request, for example { reasoning_effort: low }. */
      parameters: z.record(z.string(), z.json()).optional(),
      ...comparing,
    }),
    object({
      /** The deterministic rubric. */
      backend: z.literal('rubric'),
      ...comparing,
    }),
    object({
      /** A judge that runs elsewhere: any implementation of the contract. */
      backend: z.literal('address'),
      /** host:port, or dns:///name:port for all servers that a name stands for: comparisons are dealt out among them. */
      address: z.string().min(1),
      ...comparing,
    }),
  ],
  {
    error: ({ input }) => {
      const named = z.object({ backend: z.string() }).safeParse(input);
      return named.success && !BACKENDS.includes(named.data.backend)
        ? unknownName('backend', named.data.backend, BACKENDS)
        : `must have a "backend": ${BACKENDS.join(', ')}`;
    },
  },
);
export type Judge = z.infer<typeof judge>;
export type JudgeBudget = z.infer<typeof budget>;

/** Makes the paths of a judge absolute: a prompt or a key that is a file beside the experiment is meant as such. */
export function resolveJudge(judge: Judge, folder: string): Judge {
  if (judge.backend === 'rubric' || judge.backend === 'address') return judge;
  const path = judge.template === undefined ? undefined : resolve(folder, judge.template);
  const template = path !== undefined && existsSync(path) ? path : judge.template;
  const found = template === undefined ? {} : { template };
  if (judge.backend === 'generator') return { ...judge, ...found };
  const { apiKeyFile } = judge;
  return {
    ...judge,
    ...found,
    ...(apiKeyFile === undefined || isAbsolute(apiKeyFile)
      ? {}
      : { apiKeyFile: resolve(folder, apiKeyFile) }),
  };
}

/** The environment of a judge's service; empty values are its defaults, but for the key, which this process's environment may hold. */
export function judgeEnvironment(name: string, judge: Judge): Record<string, string> {
  const shared = { OVERTONE_JUDGE: judge.backend, OVERTONE_JUDGE_NAME: name };
  if (judge.backend === 'rubric' || judge.backend === 'address') return shared;
  const prompted = {
    ...shared,
    OVERTONE_JUDGE_TEMPLATE: judge.template ?? '',
    OVERTONE_JUDGE_ANALYSIS_TOKENS: text(judge.analysisTokens),
  };
  if (judge.backend === 'generator') return prompted;
  return {
    ...prompted,
    OVERTONE_JUDGE_BASE_URL: judge.baseUrl,
    OVERTONE_JUDGE_MODEL: judge.model ?? '',
    OVERTONE_JUDGE_MODE: judge.mode,
    OVERTONE_JUDGE_MAX_TOKENS: text(judge.maxTokens),
    OVERTONE_JUDGE_CONCURRENCY: String(judge.concurrency),
    OVERTONE_JUDGE_RETRIES: String(judge.retries),
    OVERTONE_JUDGE_TIMEOUT_S: String(judge.timeoutSeconds),
    OVERTONE_JUDGE_PARAMETERS: judge.parameters === undefined ? '' : JSON.stringify(judge.parameters),
    ...(judge.apiKeyFile === undefined
      ? {}
      : { OVERTONE_JUDGE_API_KEY: '', OVERTONE_JUDGE_API_KEY_FILE: judge.apiKeyFile }),
  };
}

/** How pairs are chosen for a judge. */
export function planOf({ plan = 'all-pairs' }: Pick<Judge, 'plan'>): NonNullable<Judge['plan']> {
  return plan;
}

/** How long the run waits for a judge that is down, milliseconds. */
export function patienceOf({ patienceSeconds = 1800 }: Pick<Judge, 'patienceSeconds'>): number {
  return patienceSeconds * 1000;
}

/** Comparisons that are best sent and not yet answered. */
export function comparisonsInFlight(judge: Judge): number {
  return judge.backend === 'openai' ? judge.concurrency * 2 : 512;
}

function text(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}
