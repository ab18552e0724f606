// Judging without an experiment: questions stream in, questions with verdicts stream out in their order, in bounded memory.
import type { Services } from '../services.ts';
import { costOf } from './budget.ts';
import { compareGroups } from './compare-groups.ts';
import { type NamedJudge, openSession, type SessionContext } from './open-session.ts';
import { type JudgedRow, type QuestionRow, solutionsOf, withJudged } from './question-file.ts';
import { VerdictCounter, type VerdictStatistics } from './verdict-statistics.ts';

/** What a judge was asked, and what it cost. */
export interface JudgedSummary extends VerdictStatistics {
  readonly judge: string;
  /** Comparisons that were paid for, over all times that these questions were judged. */
  readonly calls: number;
  /** Those of them that were paid for this time. */
  readonly callsNow: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Null without prices. */
  readonly cost: number | null;
}

/** How to judge. */
export interface JudgeQuestionsOptions extends SessionContext {
  readonly scorer: Services['scorer'];
  readonly judges: readonly NamedJudge[];
  /** Hears of every question that is done. */
  readonly onQuestion?: () => void;
}

const QUESTIONS_PER_CHUNK = 16;
const CHUNKS_AT_ONCE = 4;

/**
 * Judges questions with every judge.
 *
 * @returns one figure per judge, after the last question.
 * @throws JudgeDown when a judge stays down; what was judged is in the log.
 */
export async function* judgeQuestions(
  questions: AsyncIterable<QuestionRow>,
  options: JudgeQuestionsOptions,
): AsyncGenerator<JudgedRow, JudgedSummary[]> {
  const { scorer, signal } = options;
  const sessions = await Promise.all(
    options.judges.map(async (judge) => {
      const opened = await openSession(options, judge);
      return { judge, opened, before: opened.log.spent.calls, counter: new VerdictCounter() };
    }),
  );
  const judgeChunk = async (chunk: readonly QuestionRow[]): Promise<JudgedRow[]> => {
    const groups = chunk.map((question) => ({ problem: question, solutions: solutionsOf(question) }));
    const judged = await Promise.all(
      sessions.map(async ({ judge, opened: { session }, counter }) => {
        const verdicts = await compareGroups(groups, judge.settings, { scorer, session, signal });
        return { judge, counter, verdicts };
      }),
    );
    return chunk.map((question, index) => {
      const texts = new Set(groups[index]?.solutions.map(({ text }) => text));
      const own = judged.map(({ judge, counter, verdicts }) => {
        const found = verdicts[index]?.verdicts ?? [];
        counter.add(found, texts.size > 1);
        return [judge.name, found] as const;
      });
      options.onQuestion?.();
      return withJudged(question, Object.fromEntries(own));
    });
  };
  const underWay: Promise<JudgedRow[]>[] = [];
  try {
    for await (const chunk of inChunks(questions, QUESTIONS_PER_CHUNK)) {
      const judged = judgeChunk(chunk);
      judged.catch(() => {});
      underWay.push(judged);
      if (underWay.length >= CHUNKS_AT_ONCE) yield* (await underWay.shift()) ?? [];
    }
    while (underWay.length > 0) yield* (await underWay.shift()) ?? [];
    return sessions.map(({ judge, opened: { log }, before, counter }) => {
      const { calls, promptTokens, completionTokens } = log.spent;
      const cost = costOf(judge.settings.budget ?? {}, { promptTokens, completionTokens });
      const spent = { calls, callsNow: calls - before, promptTokens, completionTokens, cost };
      return { judge: judge.name, ...counter.statistics(), ...spent };
    });
  } finally {
    await Promise.allSettled(underWay);
    await Promise.all(sessions.map(({ opened }) => opened.close()));
  }
}

async function* inChunks<Item>(items: AsyncIterable<Item>, size: number): AsyncGenerator<Item[]> {
  let chunk: Item[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
