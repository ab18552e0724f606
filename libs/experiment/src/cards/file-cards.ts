// Signal cards of solutions and verdicts from elsewhere: a JSONL file, one question a line, read as a stream.
import type { Readable } from 'node:stream';
import { ScoreMethod, type Solution } from '@overtone/contracts';
import type { ReportedSignal } from '@overtone/report';
import { FidelityAssessment, InvalidInput, scoreGroup } from '@overtone/signals';
import { z } from 'zod';
import { unknownName } from '../config/strict.ts';
import { InputError } from '../input-error.ts';
import { nameOfSource, readQuestionLines } from '../question-lines.ts';
import { type CardTitle, signalCard } from './signal-card.ts';

const probability = z.number().min(0).max(1);

const question = z.object({
  id: z.string().min(1),
  question: z.string().optional(),
  solutions: z
    .array(
      z.object({
        text: z.string(),
        /** Nats per token. */
        meanEntropy: z.number().optional(),
        /** Nats per token. */
        meanLogprob: z.number().optional(),
        /** Mean entropy of the tokens that have most, nats per token. */
        topEntropy: z.number().optional(),
        /** Absent in any solution of a question: lengths are those of the texts, in characters. */
        tokens: z.int().min(0).optional(),
        correct: z.boolean().optional(),
      }),
    )
    .min(1),
  /** By the judge's name. */
  verdicts: z
    .record(
      z.string(),
      z.array(
        z.object({
          /** Indices into `solutions`, i < j. */
          i: z.int().min(0),
          j: z.int().min(0),
          /** Probability that i is better when i is shown first; null or absent when unreadable. */
          forward: probability.nullish(),
          /** Probability that i is better when j is shown first. */
          backward: probability.nullish(),
        }),
      ),
    )
    .default({}),
});
type Question = z.infer<typeof question>;

const EXPECTED =
  '{"id", "solutions": [{"text", …}], "verdicts": {judge: [{"i", "j", "forward", "backward"}]}}';

/** What to make of a file. */
export interface FileCardOptions {
  /** The judge in the file that is the stronger one; absent: nothing is audited. */
  readonly audit?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a file gave. */
export interface CardsOfFile {
  readonly cards: ReportedSignal[];
  readonly questions: number;
  /** Questions that were left out because one of their solutions is not correct: nothing would be trained on them. */
  readonly unsaturated: number;
}

/** Signals that need no judge, and what each solution must have for them. */
const judgeless = [
  {
    name: 'entropy',
    method: 'inverse-entropy',
    score: ScoreMethod.SCORE_METHOD_INVERSE_ENTROPY,
    field: 'meanEntropy',
  },
  {
    name: 'top-entropy',
    method: 'inverse-top-entropy',
    score: ScoreMethod.SCORE_METHOD_INVERSE_TOP_ENTROPY,
    field: 'topEntropy',
  },
  {
    name: 'logprob',
    method: 'mean-logprob',
    score: ScoreMethod.SCORE_METHOD_MEAN_LOGPROB,
    field: 'meanLogprob',
  },
] as const;

interface Assessed {
  readonly title: CardTitle;
  readonly assessment: FidelityAssessment;
}

/**
 * One card for every judge in the file, whose verdicts are scored by Bradley–Terry, and for every judgeless signal whose
 * numbers the file has. A question counts for the signals that it has what they need for.
 * @throws InputError naming the line and the field that is wrong
 */
export async function cardsOfFile(
  source: string | Readable,
  { audit, signal }: FileCardOptions = {},
): Promise<CardsOfFile> {
  const assessed = new Map<string, Assessed>();
  const path = nameOfSource(source);
  let questions = 0;
  let unsaturated = 0;
  const judges = new Set<string>();
  for await (const { question: row, where } of readQuestionLines(source, question, EXPECTED)) {
    signal?.throwIfAborted();
    questions++;
    for (const judge of Object.keys(row.verdicts)) judges.add(judge);
    if (row.solutions.some(({ correct }) => correct === false)) {
      unsaturated++;
      continue;
    }
    addQuestion(assessed, row, audit, where);
  }
  if (audit !== undefined && !judges.has(audit))
    throw new InputError(`${path}: --audit: ${unknownName('judge', audit, [...judges])}`);
  if (assessed.size === 0)
    throw new InputError(
      `${path}: has nothing to assess in ${questions} questions, ${unsaturated} of them not saturated: expected "verdicts" of a judge${audit === undefined ? '' : ` other than "${audit}"`}, or solutions with "meanEntropy", "topEntropy" or "meanLogprob"`,
    );
  const cards = [...assessed.values()].map(({ title, assessment }) => signalCard(title, assessment.result()));
  return { cards, questions, unsaturated };
}

function addQuestion(
  assessed: Map<string, Assessed>,
  row: Question,
  audit: string | undefined,
  where: string,
): void {
  const solutions = solutionsOf(row);
  const verdictsOf = (judge: string) =>
    (row.verdicts[judge] ?? []).map(({ i, j, forward, backward }) => ({
      i,
      j,
      forward: forward ?? undefined,
      backward: backward ?? undefined,
    }));
  const audited = audit === undefined ? [] : verdictsOf(audit);
  const add = (key: string, title: CardTitle, method: ScoreMethod, judge?: string): void => {
    const known = assessed.get(key) ?? { title, assessment: new FidelityAssessment() };
    assessed.set(key, known);
    const signal = { method, reversed: false, seed: 0, residualiseLength: false };
    const group = { problemId: row.id, solutions, verdicts: judge === undefined ? [] : verdictsOf(judge) };
    try {
      const scores = scoreGroup({ ...group, panel: [], components: [] }, signal);
      known.assessment.add({ ...group, scores, audit: audited, signal });
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      const field = error.field
        .replace(/^verdicts/, `verdicts.${judge ?? ''}`)
        .replace(/^audit/, `verdicts.${audit ?? ''}`);
      throw new InputError(`${where}: ${field}: ${error.reason}`);
    }
  };
  for (const judge of Object.keys(row.verdicts)) {
    if (judge === audit || row.verdicts[judge]?.length === 0) continue;
    const title = { name: judge, method: 'bradley-terry', judge };
    add(`judge ${judge}`, title, ScoreMethod.SCORE_METHOD_BRADLEY_TERRY, judge);
  }
  for (const { name, method, score, field } of judgeless) {
    if (row.solutions.some((solution) => solution[field] === undefined)) continue;
    add(method, { name, method, judge: null }, score);
  }
}

function solutionsOf({ solutions }: Question): Solution[] {
  const counted = solutions.every(({ tokens }) => tokens !== undefined);
  return solutions.map(({ text, meanEntropy = 0, meanLogprob = 0, topEntropy, tokens = 0 }, index) => ({
    index,
    text,
    meanEntropy,
    meanLogprob,
    topEntropy,
    tokens: counted ? tokens : text.length,
  }));
}
