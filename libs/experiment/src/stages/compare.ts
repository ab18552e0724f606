// Compare: a judge's verdicts on pairs of a group's solutions, in both orders, in chunks of groups of which several are under way.
import type { PairVerdict } from '@overtone/contracts';
import type { ReportedJudge } from '@overtone/report';
import { z } from 'zod';
import { compareGroups } from '../judging/compare-groups.ts';
import { type JudgeBudget, planOf } from '../config/judge.ts';
import { costOf } from '../judging/budget.ts';
import { openLog, openSession, type NamedJudge, type OpenSession } from '../judging/open-session.ts';
import type { Spending } from '../judging/verdict-log.ts';
import { limiter } from '../limiter.ts';
import { chunks, findOrMake, readRows, type RunContext } from '../run-context.ts';
import type { Group } from '../solutions.ts';

export type { NamedJudge } from '../judging/open-session.ts';

/** A judge's verdicts on groups. */
export interface Verdicts {
  /** By the problem's id. */
  readonly byProblem: ReadonlyMap<string, readonly PairVerdict[]>;
  /** SHA-256 of each chunk: stand for the verdicts in keys. */
  readonly sha256: readonly string[];
  /** Ids of the problems whose solutions differ and have no verdict: the budget was spent. */
  readonly unjudged: ReadonlySet<string>;
  /** What was bought. */
  readonly report: ReportedJudge;
}

const row = z.object({
  problemId: z.string(),
  verdicts: z.array(
    z.object({ i: z.int(), j: z.int(), forward: z.number().optional(), backward: z.number().optional() }),
  ),
});
type Row = z.infer<typeof row>;

const GROUPS_PER_CHUNK = 16;
/** Rounds of so many chunks overlap, so that the judge always has something to do. */
const CHUNKS_AT_ONCE = 4;

/** Asks a judge about pairs of different solutions of every group, as its plan and its budget say. */
export async function compare(
  context: RunContext,
  judge: NamedJudge,
  groups: readonly Group[],
): Promise<Verdicts> {
  const stage = context.progress.stage('compare');
  return stage.run(async () => {
    let opened: Promise<OpenSession> | undefined;
    const open = (): Promise<OpenSession> => (opened ??= openSession(context, judge));
    const atOnce = limiter(CHUNKS_AT_ONCE, context.signal);
    try {
      const judged = await allOrFirstError(
        chunks(groups, GROUPS_PER_CHUNK).map((part, index) =>
          atOnce(async () => {
            const { ref, reused } = await compareChunk(context, judge, part, index, open);
            const rows = await readRows(context.store, ref, (value) => row.parse(value));
            const { log } = (await opened) ?? {};
            if (log !== undefined) stage.note(describeSpending(judge.settings.budget ?? {}, log.spent));
            stage.advance(part.length, reused);
            return { rows, sha256: ref.sha256 };
          }),
        ),
      );
      const rows = judged.flatMap((chunk) => chunk.rows);
      const byProblem = new Map(rows.map(({ problemId, verdicts }) => [problemId, verdicts]));
      const unjudged = new Set(
        groups
          .filter(({ problem, solutions }) => isUnjudged(solutions, byProblem.get(problem.id)))
          .map(({ problem }) => problem.id),
      );
      const report = await reportOf(context, judge, await opened, { rows, unjudged });
      if (unjudged.size > 0)
        context.progress.say(
          `judge "${judge.name}": the budget is spent; ${unjudged.size} of ${groups.length} groups have no verdicts and are left out`,
        );
      return { byProblem, sha256: judged.map(({ sha256 }) => sha256), unjudged, report };
    } finally {
      await (await opened?.catch(() => undefined))?.close();
    }
  }, judge.name);
}

function compareChunk(
  context: RunContext,
  judge: NamedJudge,
  part: readonly Group[],
  index: number,
  open: () => Promise<OpenSession>,
) {
  const { maxPairs } = judge.settings;
  let whole = true;
  return findOrMake(context, {
    stage: 'compare',
    label: `${judge.name} chunk ${index + 1}`,
    key: {
      judge: judge.fingerprint,
      plan: planOf(judge.settings),
      ...(maxPairs === undefined ? {} : { maxPairs }),
      groups: part.map(({ problem, solutions }) => ({
        id: problem.id,
        question: problem.question,
        texts: solutions.map(({ text }) => text),
      })),
    },
    // What a larger budget would add to is not found again: it is made from the log, where its verdicts cost nothing.
    isWhole: () => whole,
    make: async () => {
      const { session } = await open();
      const { scorer } = context.services;
      const judged = await compareGroups(part, judge.settings, { scorer, session, signal: context.signal });
      whole = judged.every((group) => group.whole);
      const rows = judged.map(({ problemId, verdicts }): Row => ({ problemId, verdicts }));
      return context.store.writeJsonl(rows);
    },
  });
}

function describeSpending(budget: JudgeBudget, spent: Readonly<Spending>): string {
  const cost = costOf(budget, spent);
  const tokens = spent.promptTokens + spent.completionTokens;
  return [
    `${spent.calls} calls`,
    ...(tokens > 0 ? [`${tokens} tokens`] : []),
    ...(cost === null ? [] : [`cost ${cost.toFixed(4)}`]),
  ].join(', ');
}

/** All results; the first error as soon as all have ended, so that nothing is left behind that writes. */
async function allOrFirstError<Result>(tasks: readonly Promise<Result>[]): Promise<Result[]> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}

function isUnjudged(
  solutions: readonly { readonly text: string }[],
  verdicts: readonly PairVerdict[] = [],
): boolean {
  return verdicts.length === 0 && new Set(solutions.map(({ text }) => text)).size > 1;
}

async function reportOf(
  context: RunContext,
  { name, fingerprint, settings }: NamedJudge,
  opened: OpenSession | undefined,
  { rows, unjudged }: { readonly rows: readonly Row[]; readonly unjudged: ReadonlySet<string> },
): Promise<ReportedJudge> {
  const log = opened?.log ?? (await openLog(context, fingerprint));
  const { calls, promptTokens, completionTokens } = log.spent;
  if (opened === undefined) log.close();
  const verdicts = rows.flatMap((each) => each.verdicts);
  const orders = verdicts.flatMap(({ forward, backward }) => [forward, backward]);
  return {
    name,
    backend: settings.backend,
    plan: planOf(settings),
    calls,
    promptTokens,
    completionTokens,
    cost: costOf(settings.budget ?? {}, { promptTokens, completionTokens }),
    budget: settings.budget ?? null,
    pairs: verdicts.length,
    unreadable: orders.filter((preference) => preference === undefined).length,
    groups: rows.length,
    unjudged: unjudged.size,
  };
}
