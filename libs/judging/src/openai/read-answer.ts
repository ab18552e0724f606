// Reading a verdict from the answer of a chat API: from the log-probabilities of the digit where there are any, from JSON, or from the
// line of the verdict; else it is unreadable.
import { Outcome, type Usage } from '@overtone/contracts';
import { z } from 'zod';
import { readVerdictText, UNREADABLE } from '../read-verdict.ts';
import { verdictOfPreference, type Verdict } from '../verdict.ts';

/** What was asked for. */
export interface ReadOptions {
  /** Whether an analysis comes before the verdict. */
  readonly analysis: boolean;
  /** Whether the answer must be JSON, may be, or may not. */
  readonly json: 'required' | 'allowed' | 'no';
  /** Whether log-probabilities must be there, are read where they are, or not. */
  readonly logprobs: 'required' | 'allowed' | 'no';
}

/** What an answer came to. */
export interface ReadAnswer extends Verdict {
  readonly rationale: string;
  /** Undefined where the server does not say. */
  readonly usage: Usage | undefined;
}

const entry = { token: z.string(), logprob: z.number() };
const token = z.object({ ...entry, top_logprobs: z.array(z.object(entry)).nullish() });
type Token = z.infer<typeof token>;

const answer = z.object({
  choices: z.tuple(
    [
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        logprobs: z.object({ content: z.array(token).nullish() }).nullish(),
      }),
    ],
    z.unknown(),
  ),
});
const spent = z.object({
  usage: z.object({
    prompt_tokens: z.int().nonnegative(),
    completion_tokens: z.int().nonnegative(),
  }),
});

const digit = z.union([
  z.enum(['0', '1']),
  z.literal(0).transform(() => '0'),
  z.literal(1).transform(() => '1'),
]);
const verdictJson = z.strictObject({ analysis: z.string().optional(), better: digit });

/** A digit in its token: perhaps with a blank, a quote or a star. */
const DIGIT_TOKEN = /^[\s"'*`]*([01])[\s"'*`}.]*$/;

/** Reads an answer to a request for chat completions. Never throws: what is no verdict is unreadable, and says why. */
export function readAnswer(body: unknown, options: ReadOptions): ReadAnswer {
  const usage = readUsage(body);
  const unreadable = (rationale: string): ReadAnswer => ({ ...UNREADABLE, rationale, usage });
  const parsed = answer.safeParse(body);
  if (!parsed.success) return unreadable('the answer is no chat completion');
  const { finish_reason: reason, message, logprobs } = parsed.data.choices[0];
  if (message.refusal) return unreadable(`refused: ${message.refusal}`);
  if (reason === 'content_filter') return unreadable('refused: the answer was filtered');
  const text = message.content ?? '';
  if (reason === 'length') return unreadable(`cut off: ${text}`);
  const hard = readText(text, options);
  if (hard.verdict.outcome === Outcome.OUTCOME_UNREADABLE) return unreadable(hard.rationale);
  const tokens = options.logprobs === 'no' ? undefined : (logprobs?.content ?? undefined);
  const soft = tokens === undefined ? undefined : softVerdict(tokens, hard.verdict);
  if (soft === undefined && options.logprobs === 'required')
    return unreadable(`no log-probabilities of both verdicts: ${text}`);
  return { ...(soft ?? hard.verdict), rationale: hard.rationale, usage };
}

function readUsage(body: unknown): Usage | undefined {
  const parsed = spent.safeParse(body);
  if (!parsed.success) return undefined;
  const { prompt_tokens: promptTokens, completion_tokens: completionTokens } = parsed.data.usage;
  return { promptTokens, completionTokens };
}

function readText(text: string, { analysis, json }: ReadOptions): { verdict: Verdict; rationale: string } {
  if (json !== 'no') {
    const { success, data } = verdictJson.safeParse(parseJson(text));
    if (success && (data.analysis !== undefined) === analysis)
      return { verdict: verdictOfPreference(data.better === '0' ? 1 : 0), rationale: data.analysis ?? '' };
    if (json === 'required') return { verdict: UNREADABLE, rationale: text };
  }
  const verdict = readVerdictText(text, { analysis });
  const isBare = !analysis && verdict.outcome !== Outcome.OUTCOME_UNREADABLE;
  return { verdict, rationale: isBare ? '' : text };
}

/** JSON, perhaps in a fence of Markdown; undefined when it is none. */
function parseJson(text: string): unknown {
  const trimmed = text.trim();
  const fenced = trimmed.startsWith('```') && trimmed.endsWith('```') && trimmed.length >= 6;
  const bare = fenced ? trimmed.slice(3, -3).replace(/^json/, '') : text;
  try {
    return JSON.parse(bare);
  } catch {
    return undefined;
  }
}

/**
 * The softmax over both digits where the verdict's digit stands: the last token that is such a digit. A digit that is not among the
 * most probable tokens has at most the probability of the least of them, which is taken for it.
 *
 * @returns undefined when there is no such token, when it contradicts the text, or when its alternatives are not told.
 */
function softVerdict(tokens: readonly Token[], hard: Verdict): Verdict | undefined {
  const place = tokens.findLast((candidate) => DIGIT_TOKEN.test(candidate.token));
  const top = place?.top_logprobs ?? [];
  if (place === undefined || top.length < 2) return undefined;
  const said = DIGIT_TOKEN.exec(place.token)?.[1];
  if (said !== (hard.outcome === Outcome.OUTCOME_FIRST ? '0' : '1')) return undefined;
  const mass = { '0': 0, '1': 0 };
  for (const { token: text, logprob } of top) {
    const found = DIGIT_TOKEN.exec(text)?.[1];
    if (found === '0' || found === '1') mass[found] += Math.exp(logprob);
  }
  // A sampled token outside of the top, as under a grammar.
  if (!top.some(({ token: text }) => text === place.token)) mass[said] += Math.exp(place.logprob);
  const least = Math.min(...top.map(({ logprob }) => logprob));
  const left = Math.max(0, 1 - top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0));
  const bound = Math.min(Math.exp(least), left);
  const first = mass['0'] || bound;
  const second = mass['1'] || bound;
  return first + second > 0 ? verdictOfPreference(first / (first + second)) : undefined;
}
