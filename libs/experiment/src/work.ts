// How much an experiment will do, as far as its file and its questions tell.
import type { Experiment } from './config/load.ts';
import { judgesOf, withParts } from './config/signals.ts';
import type { Splits } from './problems.ts';
import { learningRates, snapshotSteps } from './stages/select.ts';

/** Amounts of work. */
export interface Work {
  /** Questions of each split. */
  readonly questions: Readonly<Record<'train' | 'development' | 'easy' | 'hard', number>>;
  /** Samples that the training questions get, in all rounds. */
  readonly samples: number;
  /** Those of them that arms of several rounds sample with their own adapters, at most: an arm ends early where nothing is left to learn. */
  readonly laterSamples: number;
  /**
   * Most comparisons that each judge is asked for: pairs in both orders, if every training question is saturated in every round, or as
   * many as are known to be in the first one.
   */
  readonly comparisons: Readonly<Record<string, number>>;
  /** Training jobs, and the steps of all of them. */
  readonly jobs: number;
  readonly steps: number;
  /** Solutions that evaluations sample. */
  readonly evaluated: number;
}

/** Adds up the work of an experiment. `saturated`: training questions that are known to be saturated in the first round. Default: all may be. */
export function workOf(
  { arms, audit, evaluation, judges, sampling, seeds, signals }: Experiment,
  splits: Splits,
  saturated: number = splits.train.length,
): Work {
  const { train, easy, hard, development = [] } = splits;
  const fresh = (easy.length + hard.length) * evaluation.samples;
  let jobs = 0;
  let steps = 0;
  let evaluated = fresh + development.length * evaluation.samples;
  let resampled = 0;
  const asked = new Set(Object.values(signals).flatMap(judgesOf));
  const auditedOf = (groups: number): number => Math.min(audit?.groups ?? Infinity, groups);
  /** By judge, the groups that it is asked about, at most. */
  const groups = new Map(
    Object.keys(judges).map((name) => [
      name,
      asked.has(name) ? saturated : audit?.judge === name ? auditedOf(saturated) : 0,
    ]),
  );
  for (const { objective, signal, rounds = 1 } of arms) {
    const later = (rounds - 1) * seeds.length;
    resampled += later * train.length * sampling.samples;
    const own = new Set(Object.values(withParts(signals, signal)).flatMap(judgesOf));
    for (const judge of own) groups.set(judge, (groups.get(judge) ?? 0) + later * train.length);
    if (objective.attenuate === 'auto' && audit !== undefined && !own.has(audit.judge))
      groups.set(audit.judge, (groups.get(audit.judge) ?? 0) + later * auditedOf(train.length));
    const tries = learningRates(objective).length;
    const choosing =
      objective.selection === undefined ? 0 : objective.selection.scope === 'first-seed' ? 1 : seeds.length;
    const perQuestion = objective.selection?.samples ?? evaluation.samples;
    const trainings = rounds * (choosing * tries + seeds.length - choosing);
    jobs += trainings;
    steps += objective.steps * trainings;
    const developed = choosing * tries * snapshotSteps(objective).length * development.length * perQuestion;
    evaluated += rounds * (developed + fresh * seeds.length);
  }
  const ordered = sampling.samples * (sampling.samples - 1);
  return {
    questions: {
      train: train.length,
      development: development.length,
      easy: easy.length,
      hard: hard.length,
    },
    samples: train.length * sampling.samples + resampled,
    laterSamples: resampled,
    comparisons: Object.fromEntries(
      Object.entries(judges).map(([name, { maxPairs = Infinity, budget }]) => [
        name,
        Math.min((groups.get(name) ?? 0) * Math.min(ordered, 2 * maxPairs), budget?.calls ?? Infinity),
      ]),
    ),
    jobs,
    steps,
    evaluated,
  };
}
