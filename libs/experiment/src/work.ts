// How much an experiment will do, as far as its file and its questions tell.
import type { Experiment } from './config/load.ts';
import { judgesOf } from './config/signals.ts';
import type { Splits } from './problems.ts';
import { learningRates, snapshotSteps } from './stages/select.ts';

/** Amounts of work. */
export interface Work {
  /** Questions of each split. */
  readonly questions: Readonly<Record<'train' | 'development' | 'easy' | 'hard', number>>;
  /** Samples that the training questions get. */
  readonly samples: number;
  /** Most comparisons that each judge is asked for, if every training question is saturated: pairs in both orders. */
  readonly comparisons: Readonly<Record<string, number>>;
  /** Training jobs, and the steps of all of them. */
  readonly jobs: number;
  readonly steps: number;
  /** Solutions that evaluations sample. */
  readonly evaluated: number;
}

/** Adds up the work of an experiment. */
export function workOf(
  { arms, audit, evaluation, judges, sampling, seeds, signals }: Experiment,
  splits: Splits,
): Work {
  const { train, easy, hard, development = [] } = splits;
  const fresh = (easy.length + hard.length) * evaluation.samples;
  let jobs = 0;
  let steps = 0;
  let evaluated = fresh + development.length * evaluation.samples;
  for (const { objective } of arms) {
    const tries = learningRates(objective).length;
    const choosing =
      objective.selection === undefined ? 0 : objective.selection.scope === 'first-seed' ? 1 : seeds.length;
    const perQuestion = objective.selection?.samples ?? evaluation.samples;
    const trainings = choosing * tries + seeds.length - choosing;
    jobs += trainings;
    steps += objective.steps * trainings;
    evaluated += choosing * tries * snapshotSteps(objective).length * development.length * perQuestion;
    evaluated += fresh * seeds.length;
  }
  const asked = new Set(Object.values(signals).flatMap(judgesOf));
  const ordered = sampling.samples * (sampling.samples - 1);
  const groups = (judge: string): number =>
    asked.has(judge)
      ? train.length
      : audit?.judge === judge
        ? Math.min(audit.groups ?? Infinity, train.length)
        : 0;
  return {
    questions: {
      train: train.length,
      development: development.length,
      easy: easy.length,
      hard: hard.length,
    },
    samples: train.length * sampling.samples,
    comparisons: Object.fromEntries(
      Object.entries(judges).map(([name, { maxPairs = Infinity, budget }]) => [
        name,
        Math.min(groups(name) * Math.min(ordered, 2 * maxPairs), budget?.calls ?? Infinity),
      ]),
    ),
    jobs,
    steps,
    evaluated,
  };
}
