// What arms answered to the hard questions, and the choice of questions on which they differ most.
import type { BrowsedAnswer, BrowsedAnswers } from '@overtone/report';
import { z } from 'zod';
import { evaluatedSample } from '../stages/outcomes.ts';
import { styleOfTask } from '../task-style.ts';
import { kindOf } from './judged-questions.ts';
import type { RunArtifacts } from './run-artifacts.ts';

const problem = z.object({
  id: z.string(),
  question: z.string(),
  answer: z.string(),
  difficulty: z.string(),
});

/** Label of the artifact with the measured questions. */
export const MEASURED = 'hard';
/** Questions that are shown at most. */
const ANSWERED = 40;

/** All hard questions with the answers of the base and of each arm's first seed, after its last round. */
export async function measuredAnswers(run: RunArtifacts, arms: readonly string[]): Promise<BrowsedAnswers[]> {
  const style = styleOfTask(kindOf(run));
  const problems = new Map(
    ((await run.rows('questions', MEASURED, (value) => problem.parse(value))) ?? []).map((own) => [
      own.id,
      own,
    ]),
  );
  const answers = new Map<string, Record<string, BrowsedAnswer[]>>();
  for (const arm of arms)
    for (const row of await samplesOf(run, arm)) {
      const own = answers.get(row.problemId) ?? {};
      answers.set(row.problemId, own);
      (own[arm] ??= []).push({
        text: row.text,
        correct: row.correct,
        tokens: row.tokens,
        ...(style === undefined ? {} : { style: style(row.text) }),
      });
    }
  return Array.from(answers, ([id, own]) => ({
    // Runs from before questions were kept say their ids alone.
    ...(problems.get(id) ?? { id, question: id, answer: '', difficulty: '' }),
    arms: own,
  }));
}

async function samplesOf(run: RunArtifacts, arm: string) {
  const [seed] = run.configuration.seeds;
  const labels = run.resultsOf('evaluate').map(({ label }) => label);
  const place = arm === 'base' ? 'base' : `${arm} seed ${seed}`;
  const last = labels.findLast(
    (label) =>
      label === `${place}, hard` || (label.startsWith(`${place} round `) && label.endsWith(', hard')),
  );
  return last === undefined
    ? []
    : ((await run.rows('evaluate', last, (value) => evaluatedSample.parse(value))) ?? []);
}

/** The questions on which arms differ most, those first; in doubt as they came. */
export function mostDivided(questions: readonly BrowsedAnswers[], count = ANSWERED): BrowsedAnswers[] {
  return questions
    .map((question) => ({ question, spread: spreadOf(question) }))
    .sort((left, right) => right.spread - left.spread)
    .slice(0, count)
    .map(({ question }) => question);
}

/** Standard deviation of the arms' accuracies. */
function spreadOf({ arms }: BrowsedAnswers): number {
  const shares = Object.values(arms).map(
    (samples) => samples.filter(({ correct }) => correct).length / Math.max(1, samples.length),
  );
  const mean = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length);
  return Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / Math.max(1, shares.length));
}
