// The saturated questions of a run's first round with everything that is known of their solutions, and the choice of those that are
// worth looking at.
import type { BrowsedQuestion, BrowsedVerdict } from '@overtone/report';
import { z } from 'zod';
import { type Group, parseGroup } from '../solutions.ts';
import { styleOfTask } from '../task-style.ts';
import type { RunArtifacts } from './run-artifacts.ts';

const scoreRow = z.object({
  problemId: z.string(),
  scores: z.array(z.object({ index: z.int(), score: z.number(), standardError: z.number() })),
});
const verdictRow = z.object({
  problemId: z.string(),
  verdicts: z.array(
    z.object({ i: z.int(), j: z.int(), forward: z.number().optional(), backward: z.number().optional() }),
  ),
});
const entropyRow = z.object({
  problemId: z.string(),
  index: z.int(),
  ends: z.array(z.int()),
  entropies: z.array(z.number()),
});

/** Label of the artifact with token entropies. */
export const ENTROPIES = 'solutions of the report';

/** The groups of the first round; none where the run has not come so far. */
export async function firstGroups(run: RunArtifacts): Promise<Group[]> {
  return (await run.rows('saturate', 'groups', parseGroup)) ?? [];
}

/** The judges that each signal asks. */
export function judgesOfSignals(run: RunArtifacts): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(run.configuration.signals).map(([name, { judge, judges = [] }]) => [
      name,
      judge === undefined ? judges : [judge],
    ]),
  );
}

/** The signal that is made of the stronger judge's verdicts alone; null where there is none. */
export function auditedSignal({ configuration: { audit, signals } }: RunArtifacts): string | null {
  const [name] =
    Object.entries(signals).find(
      ([, { judge, reversed }]) => audit !== undefined && judge === audit.judge && reversed !== true,
    ) ?? [];
  return name ?? null;
}

/** All saturated questions with scores and verdicts, and with token entropies where there are any. */
export async function judgedQuestions(run: RunArtifacts): Promise<BrowsedQuestion[]> {
  const groups = await firstGroups(run);
  const style = styleOfTask(kindOf(run));
  const scores = await scoresOf(run);
  const verdicts = await verdictsOf(run, groups);
  const entropies = new Map(
    ((await run.rows('entropies', ENTROPIES, (value) => entropyRow.parse(value))) ?? []).map((row) => [
      JSON.stringify([row.problemId, row.index]),
      row,
    ]),
  );
  return groups.map(({ problem, solutions }) => ({
    ...problem,
    solutions: solutions.map(({ index, text, tokens, meanEntropy }) => {
      const known = entropies.get(JSON.stringify([problem.id, index]));
      return {
        text,
        tokens,
        meanEntropy: Number(meanEntropy.toFixed(4)),
        ...(style === undefined ? {} : { style: style(text) }),
        ...(known === undefined
          ? {}
          : { ends: known.ends, entropies: known.entropies.map((entropy) => Math.round(entropy * 100)) }),
      };
    }),
    scores: only(scores, problem.id),
    verdicts: only(verdicts, problem.id),
  }));
}

/** The kind of a run's task, as far as styles depend on it. */
export function kindOf({ configuration }: RunArtifacts): Parameters<typeof styleOfTask>[0] {
  return { kind: configuration.task.kind === 'chain-sum' ? 'chain-sum' : 'jsonl' };
}

function only<Value>(
  named: Readonly<Record<string, ReadonlyMap<string, Value>>>,
  id: string,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, byProblem]) => {
      const value = byProblem.get(id);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function scoresOf(run: RunArtifacts) {
  const scores: Record<string, Map<string, BrowsedQuestion['scores'][string]>> = {};
  for (const name of Object.keys(run.configuration.signals)) {
    const rows = await run.rows('score', name, (value) => scoreRow.parse(value));
    if (rows === undefined) continue;
    scores[name] = new Map(
      rows.map((row) => [
        row.problemId,
        {
          score: row.scores.map(({ score }) => rounded(score)),
          error: row.scores.map(({ standardError }) => rounded(standardError)),
        },
      ]),
    );
  }
  return scores;
}

async function verdictsOf(run: RunArtifacts, groups: readonly Group[]) {
  const { audit } = run.configuration;
  const asked = new Set(Object.values(judgesOfSignals(run)).flat());
  const judges = new Set([...asked, ...(audit === undefined ? [] : [audit.judge])]);
  const verdicts: Record<string, Map<string, BrowsedVerdict[]>> = {};
  for (const judge of judges) {
    // What else was compared under its name belongs to other rounds.
    const part = asked.has(judge) ? groups : groups.slice(0, audit?.groups ?? groups.length);
    const ids = new Set(part.map(({ problem }) => problem.id));
    const own = new Map<string, BrowsedVerdict[]>();
    for (const { label } of run.resultsOf('compare')) {
      if (!label.startsWith(`${judge} chunk `)) continue;
      for (const row of (await run.rows('compare', label, (value) => verdictRow.parse(value))) ?? []) {
        if (!ids.has(row.problemId) || own.has(row.problemId)) continue;
        const pairs = row.verdicts.map(({ i, j, forward, backward }): BrowsedVerdict => [
          i,
          j,
          percent(forward),
          percent(backward),
        ]);
        own.set(row.problemId, pairs);
      }
    }
    if (own.size > 0) verdicts[judge] = own;
  }
  return verdicts;
}

function percent(preference: number | undefined): number | null {
  return preference === undefined ? null : Number(preference.toFixed(3));
}

function rounded(score: number): number {
  return Number(score.toFixed(4));
}

/** Questions that are shown at most. */
export const QUESTIONS = 48;

/**
 * The questions that tell most: those of each difficulty in turn whose solutions signals rank differently or judges order by who comes
 * first; a quarter are spread over the others, so that the usual case is there, too.
 */
export function mostTelling<
  Question extends Pick<BrowsedQuestion, 'id' | 'difficulty' | 'solutions' | 'scores' | 'verdicts'>,
>(questions: readonly Question[], count = QUESTIONS): Question[] {
  if (questions.length <= count) return [...questions];
  const sorted = questions
    .map((question) => ({ question, dispute: disputeOf(question) }))
    .sort((left, right) => right.dispute - left.dispute || (left.question.id < right.question.id ? -1 : 1))
    .map(({ question }) => question);
  const disputed = inTurn([...Map.groupBy(sorted, ({ difficulty }) => difficulty).values()]);
  const first = Math.ceil(count * 0.75);
  const others = disputed.slice(first);
  const usual = Array.from(
    { length: count - first },
    (_, index) => others[Math.floor((index * others.length) / (count - first))],
  ).filter((question) => question !== undefined);
  return [...disputed.slice(0, first), ...usual];
}

/** One of each list after the other. */
function inTurn<Item>(lists: readonly (readonly Item[])[]): Item[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, index) =>
    lists.flatMap((list) => list.slice(index, index + 1)),
  ).flat();
}

/** How much is in dispute, over pairs of different solutions: shares of 0 to 1, added up. */
function disputeOf({
  solutions,
  scores,
  verdicts,
}: Pick<BrowsedQuestion, 'solutions' | 'scores' | 'verdicts'>): number {
  const signals = Object.values(scores);
  let pairs = 0;
  let dispute = 0;
  for (const [i, left] of solutions.entries())
    for (const [j, right] of solutions.entries()) {
      if (i >= j || left.text === right.text) continue;
      pairs++;
      const signs = new Set(signals.map(({ score }) => Math.sign((score[i] ?? 0) - (score[j] ?? 0))));
      if (signs.has(1) && signs.has(-1)) dispute++;
    }
  const orders = Object.values(verdicts)
    .flat()
    .filter(([, , forward, backward]) => forward !== null && backward !== null);
  const swayed = orders.filter(
    ([, , forward, backward]) => ((forward ?? 0) - 0.5) * ((backward ?? 0) - 0.5) < 0,
  );
  const kinds = new Set(solutions.map(({ text }) => text)).size / Math.max(1, solutions.length);
  return (pairs === 0 ? 0 : dispute / pairs) + swayed.length / Math.max(1, orders.length) + kinds;
}
