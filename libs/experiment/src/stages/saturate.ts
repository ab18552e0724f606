// Verify and saturate: which questions does the model solve every time?
import { findSaturated } from '@overtone/signals';
import type { Problem, Verifier } from '@overtone/tasks';
import { InputError, oneLine } from '../input-error.ts';
import { collect, findOrMake, type RunContext } from '../run-context.ts';
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
 * @throws InputError when there is none, unless there may be none, or when a verifier of one's own fails.
 */
export async function saturate(
  context: RunContext,
  problems: readonly Problem[],
  solutions: readonly SampledSolution[],
  verifier: Verifier,
  { mayBeNone = false }: { readonly mayBeNone?: boolean } = {},
): Promise<Saturation> {
  const verifying = context.progress.stage('verify');
  verifying.expect(solutions.length);
  const byProblem = Map.groupBy(solutions, (solution) => solution.problemId);
  const verified = await verifying.run(async () =>
    collect(verifyAll(problems, byProblem, verifier, verifying.advance.bind(verifying), context.signal)),
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
    if (groups.length === 0 && !mayBeNone)
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

/** Verifies question after question; a verifier of one's own may take its time, and be interrupted between two. */
async function* verifyAll(
  problems: readonly Problem[],
  byProblem: ReadonlyMap<string, readonly SampledSolution[]>,
  { verify }: Verifier,
  advance: (solutions: number) => void,
  signal: AbortSignal,
) {
  for (const problem of problems) {
    signal.throwIfAborted();
    const solutions = [...(byProblem.get(problem.id) ?? [])];
    const correct: boolean[] = [];
    for (const { text } of solutions) {
      try {
        const verdict = verify(problem, text);
        correct.push((verdict instanceof Promise ? await verdict : verdict).correct);
      } catch (error) {
        throw new InputError(oneLine(error instanceof Error ? error.message : String(error)), {
          cause: error,
        });
      }
    }
    advance(solutions.length);
    yield { problem, solutions, correct };
  }
}

function noneSaturated(questions: number, samples: number, accuracy: number): InputError {
  return new InputError(
    `no saturated question: 0 of ${questions} training questions were solved by all of their ${samples} samples ` +
      `(mean accuracy ${(accuracy * 100).toFixed(1)} %), so there is nothing to learn from; ` +
      'make task.train easier or larger, lower sampling.samples or sampling.temperature, raise sampling.maxNewTokens if solutions are cut, or take a stronger model',
  );
}
