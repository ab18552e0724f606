// Verify and saturate: which questions does the model solve every time?
import { findSaturated } from '@overtone/signals';
import { type Problem, verify } from '@overtone/tasks';
import { InputError } from '../input-error.ts';
import { findOrMake, type RunContext } from '../run-context.ts';
import type { Group, SampledSolution } from '../solutions.ts';

/** What verification found. */
export interface Saturation {
  /** Questions that were sampled. */
  readonly questions: number;
  /** Share of correct solutions. */
  readonly accuracy: number;
  /** The saturated questions with their solutions. */
  readonly groups: readonly Group[];
  /** SHA-256 of the groups: stands for them in keys. */
  readonly sha256: string;
}

/**
 * Keeps the questions all of whose solutions are correct.
 *
 * @throws InputError when there is none.
 */
export async function saturate(
  context: RunContext,
  problems: readonly Problem[],
  solutions: readonly SampledSolution[],
): Promise<Saturation> {
  const verifying = context.progress.stage('verify');
  verifying.expect(solutions.length);
  const byProblem = Map.groupBy(solutions, (solution) => solution.problemId);
  const verified = await verifying.run(async () =>
    problems.map((problem) => {
      const own = byProblem.get(problem.id) ?? [];
      const correct = own.map((solution) => verify(problem, solution.text).correct);
      verifying.advance(own.length);
      return { problem, solutions: own, correct };
    }),
  );
  const stage = context.progress.stage('saturate');
  stage.expect(problems.length);
  return stage.run(async () => {
    const { saturated, byCorrect } = findSaturated(verified);
    const groups = saturated.map(({ problem, solutions }) => ({
      problem,
      solutions: solutions.map(({ problemId: _, ...solution }) => solution),
    }));
    stage.advance(problems.length);
    const accuracy =
      byCorrect.reduce((sum, questions, correct) => sum + questions * correct, 0) /
      Math.max(1, solutions.length);
    if (groups.length === 0)
      throw noneSaturated(problems.length, solutions.length / problems.length, accuracy);
    const { ref } = await findOrMake(context, {
      stage: 'saturate',
      label: 'groups',
      key: groups.map(({ problem, solutions }) => ({
        problem: { ...problem },
        solutions: solutions.map((solution) => ({ ...solution })),
      })),
      make: () => context.store.writeJsonl(groups),
    });
    return { questions: problems.length, accuracy, groups, sha256: ref.sha256 };
  });
}

function noneSaturated(questions: number, samples: number, accuracy: number): InputError {
  return new InputError(
    `no saturated question: 0 of ${questions} training questions were solved by all of their ${samples} samples ` +
      `(mean accuracy ${(accuracy * 100).toFixed(1)} %), so there is nothing to learn from; ` +
      'make task.train easier or larger, lower sampling.samples or sampling.temperature, raise sampling.maxNewTokens if solutions are cut, or take a stronger model',
  );
}
