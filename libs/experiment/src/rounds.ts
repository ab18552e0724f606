// Rounds: an arm that samples, scores and trains several times. A round after the first samples the training questions with the weights
// that the round before left, estimates saturation anew from those samples, scores the solutions with the arm's signal, and trains on
// from those weights, which are the reference of its objective (Yuan et al. 2024, "Self-Rewarding Language Models"; Pang et al. 2024,
// "Iterative Reasoning Preference Optimization"; the iterations of GRPO in Shao et al. 2024). Judges stay who they are: a judge that is
// the experiment's model is its base model in every round, so that scores of different rounds come from one judge.
import type { ArtifactRef } from '@overtone/artifacts';
import { hashKey } from '@overtone/artifacts';
import type { ReportedJudge } from '@overtone/report';
import type { Prompt, Verifier } from '@overtone/tasks';
import { type ArmPlan, planArm } from './arm-plan.ts';
import type { Arm, Experiment } from './config/load.ts';
import { needsTopEntropies, withParts } from './config/signals.ts';
import { InputError } from './input-error.ts';
import type { Limiter } from './limiter.ts';
import type { Splits } from './problems.ts';
import type { RunContext } from './run-context.ts';
import { Scoring } from './scoring.ts';
import { staged } from './staged.ts';
import { sample } from './stages/sample.ts';
import { type Saturation, saturate } from './stages/saturate.ts';

/** What the rounds of all arms share. */
export interface RoundsInput {
  readonly experiment: Experiment;
  readonly splits: Splits;
  readonly prompt: Prompt;
  readonly verifier: Verifier;
  /** SHA-256 of the base model. */
  readonly model: string;
  /** Starts a task of which the run waits even when another one fails. */
  readonly start: <Result>(task: Promise<Result>) => Promise<Result>;
  /** The sessions of a judge: one at a time. */
  readonly sessions: (judge: string) => Limiter;
}

/** A round to prepare. */
export interface RoundStart {
  readonly arm: Arm;
  /** The training seed. */
  readonly seed: number;
  /** From 2. */
  readonly round: number;
  /** The weights that the round before left. */
  readonly weights: ArtifactRef;
}

/** What a round trains on, as far as it trains. */
export interface PreparedRound {
  readonly saturation: Saturation;
  readonly plan: ArmPlan;
}

/** The rounds of an arm. */
export function roundsOf({ rounds = 1 }: Pick<Arm, 'rounds'>): number {
  return rounds;
}

/** A seed of a round: the one of the file in the first, and in each later one 32 bits of the hash of both. */
export function roundSeed(seed: number, round: number): number {
  return round === 1 ? seed : Number.parseInt(hashKey({ seed, round }).slice(0, 8), 16);
}

/** How the saturated questions have changed: those that no longer are, and those that are newly so. */
export function changeOf(before: Saturation, after: Saturation): { noLonger: number; newly: number } {
  const ids = ({ groups }: Saturation): Set<string> => new Set(groups.map(({ problem }) => problem.id));
  const [old, now] = [ids(before), ids(after)];
  const stayed = [...now].filter((id) => old.has(id)).length;
  return { noLonger: old.size - stayed, newly: now.size - stayed };
}

/** The later rounds of all arms; arms with the same weights share what they sample. */
export class Rounds {
  readonly #context: RunContext;
  readonly #input: RoundsInput;
  readonly #saturations = new Map<string, Promise<Saturation>>();
  readonly #scorings: Scoring[] = [];

  constructor(context: RunContext, input: RoundsInput) {
    this.#context = context;
    this.#input = input;
  }

  /** Samples the training questions with an arm's weights, and plans what it learns from them. Says where there is nothing to learn. */
  async prepare(start: RoundStart): Promise<PreparedRound> {
    const { experiment, prompt } = this.#input;
    const { arm, round, weights } = start;
    const at = placeOf(start);
    const key = `${round} ${weights.sha256}`;
    const saturation = await (this.#saturations.get(key) ?? this.#sample(key, start));
    const { questions, accuracy, groups } = saturation;
    const { progress } = this.#context;
    progress.say(
      `${at}: ${groups.length} of ${questions} training questions are saturated (mean accuracy ${(accuracy * 100).toFixed(1)} %)`,
    );
    const leave = (reason: string): PreparedRound => {
      progress.say(`${at} trains nothing, and the arm keeps its weights: ${reason}`);
      return { saturation, plan: { kind: 'not-trained' } };
    };
    if (groups.length === 0) return leave('no training question is saturated');
    const attenuates = arm.objective.attenuate === 'auto';
    const scoring = new Scoring(this.#contextOf(at), {
      experiment: {
        ...experiment,
        signals: withParts(experiment.signals, arm.signal),
        audit: attenuates ? experiment.audit : undefined,
      },
      prompt,
      saturation,
      start: this.#input.start,
      sessions: this.#input.sessions,
      cards: attenuates ? 1 : 0,
    });
    this.#scorings.push(scoring);
    try {
      return { saturation, plan: await planArm(progress, { ...arm, name: at }, scoring) };
    } catch (error) {
      // A signal that tells no solutions apart any more, or a judge's budget that is spent.
      if (error instanceof InputError) return leave(error.message);
      throw error;
    }
  }

  /** What was bought of each judge in these rounds. */
  async bought(): Promise<ReportedJudge[]> {
    return (await Promise.all(this.#scorings.map((scoring) => scoring.bought()))).flat();
  }

  #sample(key: string, start: RoundStart): Promise<Saturation> {
    const saturation = this.#saturate(start);
    this.#saturations.set(key, saturation);
    return saturation;
  }

  async #saturate(start: RoundStart): Promise<Saturation> {
    const { experiment, splits, prompt, verifier, model } = this.#input;
    const { sampling, signals } = experiment;
    const { arm, seed, round, weights } = start;
    const at = placeOf(start);
    const context = this.#contextOf(at);
    const solutions = await staged('sample', { arm: arm.name, seed, round }, () =>
      sample(context, {
        model,
        adapter: weights,
        detail: at,
        problems: splits.train,
        prompt,
        decoding: { ...sampling, seed: roundSeed(sampling.seed, round) },
        chunk: sampling.chunk,
        topEntropies: needsTopEntropies(signals),
      }),
    );
    return staged('saturate', { arm: arm.name, seed, round }, () =>
      saturate(context, splits.train, solutions, verifier, { mayBeNone: true }),
    );
  }

  /** A context whose results bear the round's name in the manifest. */
  #contextOf(at: string): RunContext {
    const { record } = this.#context;
    return {
      ...this.#context,
      record: (stage, label, key, ref) => record(stage, `${at}: ${label}`, key, ref),
    };
  }
}

/** A round's name for people. */
export function placeOf({ arm, seed, round }: Pick<RoundStart, 'arm' | 'seed' | 'round'>): string {
  return round === 1 ? `${arm.name} seed ${seed}` : `${arm.name} seed ${seed} round ${round}`;
}

/**
 * What was bought of each judge in all rounds. Calls and costs are those of the run so far: the largest counts. What has been judged
 * adds up.
 */
export function boughtInAll(
  first: readonly ReportedJudge[],
  later: readonly ReportedJudge[],
): ReportedJudge[] {
  return first.map((judge) =>
    later
      .filter(({ name }) => name === judge.name)
      .reduce(
        (sum, own) => ({
          ...(own.calls > sum.calls ? own : sum),
          pairs: sum.pairs + own.pairs,
          unreadable: sum.unreadable + own.unreadable,
          groups: sum.groups + own.groups,
          unjudged: sum.unjudged + own.unjudged,
        }),
        judge,
      ),
  );
}
