// What becomes of the arms: each is trained round by round with every seed, and measured after each round, as the base model is.
import { type ArtifactRef, hashKey } from '@overtone/artifacts';
import { type MeasuredRound, type MeasuredRun } from '@overtone/report';
import { mean } from '@overtone/statistics';
import type { Prompt, Verifier } from '@overtone/tasks';
import { type ArmPlan, skipSeed } from './arm-plan.ts';
import { engineOf } from './config/engine.ts';
import type { Arm, Experiment } from './config/load.ts';
import type { Objective } from './config/schema.ts';
import { type Limiter, limiter } from './limiter.ts';
import type { Splits } from './problems.ts';
import { changeOf, placeOf, type PreparedRound, type Rounds, roundSeed, roundsOf } from './rounds.ts';
import type { MeasuredSplit } from './progress.ts';
import type { RunContext } from './run-context.ts';
import { staged } from './staged.ts';
import { styleOfTask } from './task-style.ts';
import { evaluate } from './stages/evaluate.ts';
import type { Saturation } from './stages/saturate.ts';
import { type Chosen, learningRates, selectWeights } from './stages/select.ts';
import { train, trainingSpec } from './stages/train.ts';

/** What all arms share. */
export interface ArmRunsInput {
  readonly experiment: Experiment;
  readonly splits: Splits;
  readonly prompt: Prompt;
  readonly verifier: Verifier;
  /** SHA-256 of the base model. */
  readonly model: string;
  /** What the base model's samples came to: the first round of every arm. */
  readonly saturation: Saturation;
  /** The rounds after the first. */
  readonly later: Rounds;
  /** Starts a task of which the run waits even when another one fails. */
  readonly start: <Result>(task: Promise<Result>) => Promise<Result>;
}

/** Where a round belongs. */
interface RoundPlace {
  readonly arm: Arm;
  readonly seed: number;
  /** From 1. */
  readonly round: number;
  /** The same round of the first seed, where it chooses for all of them. */
  readonly first: Promise<Round> | undefined;
}

/** A round of an arm with a seed, trained. */
export interface Round {
  /** From 1. */
  readonly round: number;
  /** What its training questions came to. */
  readonly saturation: Saturation;
  /** What was trained; undefined where nothing was. */
  readonly chosen: Chosen | undefined;
  /** The weights that are measured; undefined means the base model's. */
  readonly weights: ArtifactRef | undefined;
}

/** Whose weights are measured, for people and for the progress. */
interface Place extends Pick<MeasuredSplit, 'arm' | 'seed' | 'round' | 'step' | 'learningRate'> {
  readonly label: string;
}

const BASE: Place = { label: 'base', arm: 'base', seed: null, round: 1, step: null, learningRate: null };

function placed({ arm, seed, round }: Pick<RoundPlace, 'arm' | 'seed' | 'round'>): Place {
  return { label: placeOf({ arm, seed, round }), arm: arm.name, seed, round, step: null, learningRate: null };
}

/** Trains and measures arms; so many at a time as the experiment says. */
export class ArmRuns {
  readonly #context: RunContext;
  readonly #input: ArmRunsInput;
  readonly #training: Limiter;
  readonly #evaluation: Limiter;

  constructor(context: RunContext, input: ArmRunsInput) {
    const { training, evaluation } = input.experiment.concurrency;
    this.#context = context;
    this.#input = input;
    this.#training = limiter(training, context.signal);
    this.#evaluation = limiter(evaluation, context.signal);
  }

  /**
   * Starts an arm with a seed.
   *
   * @param plan of the first round.
   * @param first the rounds of the first seed, where that chooses steps and learning rates for all.
   */
  run(arm: Arm, seed: number, plan: Promise<ArmPlan>, first: readonly Promise<Round>[] | undefined) {
    const { start } = this.#input;
    const rounds: Promise<Round>[] = [];
    for (let round = 1; round <= roundsOf(arm); round++) {
      const before = rounds.at(-1);
      const at = { arm, seed, round, first: first?.[round - 1] };
      rounds.push(start(before === undefined ? this.#firstRound(at, plan) : this.#laterRound(at, before)));
    }
    return { rounds, measured: start(this.#measureArm(arm, seed, rounds)) };
  }

  /** Measures the base model. */
  async measureBase(): Promise<MeasuredRun> {
    const development =
      this.#input.splits.development === undefined ? null : mean(await this.#develop(undefined, BASE));
    const outcomes = await this.#measure(undefined, BASE);
    return { seed: null, learningRate: null, step: null, development, outcomes };
  }

  async #measureArm(arm: Arm, seed: number, rounds: readonly Promise<Round>[]): Promise<MeasuredRun> {
    const measured = await Promise.all(
      rounds.map((round, index) =>
        this.#input.start(
          this.#measureRound(placed({ arm, seed, round: index + 1 }), round, rounds[index - 1]),
        ),
      ),
    );
    const last = measured.at(-1);
    if (last === undefined) throw new Error(`arm "${arm.name}" has no round`);
    const { learningRate, step, development, alarm, outcomes } = last;
    const run = { seed, learningRate, step, development, ...(alarm !== undefined && { alarm }), outcomes };
    return measured.length === 1 ? run : { ...run, rounds: measured };
  }

  async #measureRound(
    place: Place,
    trained: Promise<Round>,
    trainedBefore: Promise<Round> | undefined,
  ): Promise<MeasuredRound> {
    const { round, saturation, chosen, weights } = await trained;
    const before = await trainedBefore;
    const { questions: _, accuracy, groups } = saturation;
    return {
      round,
      saturated: groups.length,
      ...(before === undefined ? { noLonger: 0, newly: 0 } : changeOf(before.saturation, saturation)),
      accuracy,
      learningRate: chosen?.learningRate ?? null,
      step: chosen?.step ?? null,
      development: chosen?.development ?? null,
      ...(chosen?.alarm !== undefined && { alarm: chosen.alarm }),
      outcomes: await this.#measure(weights, place),
    };
  }

  async #firstRound(at: RoundPlace, planned: Promise<ArmPlan>): Promise<Round> {
    const chosen = await this.#train(at, await planned, undefined);
    return { round: 1, saturation: this.#input.saturation, chosen, weights: chosen?.weights };
  }

  /** A round after the first; an arm that was not trained in the round before is not trained any more. */
  async #laterRound(at: RoundPlace, trainedBefore: Promise<Round>): Promise<Round> {
    const before = await trainedBefore;
    const { weights } = before;
    const left = before.chosen === undefined || weights === undefined;
    const { saturation, plan }: PreparedRound = left
      ? { saturation: before.saturation, plan: { kind: 'not-trained' } }
      : await this.#input.later.prepare({ arm: at.arm, seed: at.seed, round: at.round, weights });
    const chosen = await this.#train(at, plan, weights);
    return { round: at.round, saturation, chosen, weights: chosen?.weights ?? weights };
  }

  /** Trains a round from the weights of the one before; undefined where the plan is not to. */
  async #train(
    { arm, seed, round, first }: RoundPlace,
    plan: ArmPlan,
    from: ArtifactRef | undefined,
  ): Promise<Chosen | undefined> {
    const settled = (await first)?.chosen;
    if (plan.kind === 'not-trained') {
      skipSeed(
        this.#context.progress,
        this.#input.experiment,
        this.#input.splits,
        arm.objective,
        settled !== undefined,
      );
      return undefined;
    }
    const { objective, dataset } = plan;
    const place = placeOf({ arm, seed, round });
    return selectWeights({
      objective,
      settled,
      train: (learningRate, until) => {
        const label = `${place}${learningRates(objective).length > 1 ? ` lr ${learningRate}` : ''}`;
        const spec = trainingSpec({
          model: this.#input.experiment.model,
          dataset,
          objective,
          learningRate,
          seed: roundSeed(seed, round),
          engine: engineOf(this.#input.experiment),
          from,
        });
        return train(this.#context, {
          label,
          spec,
          model: this.#input.model,
          until: until && { ends: until.ends, key: { ...until.rule, ...this.#measuredOn(objective) } },
          turn: (task) =>
            this.#training(() => staged('train', { arm: arm.name, seed, round, learningRate }, task)),
        });
      },
      develop: (weights, learningRate, step) =>
        this.#develop(
          weights,
          {
            ...placed({ arm, seed, round }),
            label: `${place} lr ${learningRate} step ${step}`,
            learningRate,
            step,
          },
          objective,
        ),
    });
  }

  /** Accuracies of the development questions. */
  async #develop(
    adapter: ArtifactRef | undefined,
    place: Place,
    objective?: Objective,
  ): Promise<readonly number[]> {
    const samples = objective?.selection?.samples;
    const outcomes = await this.#evaluate(adapter, 'development', place, samples);
    return outcomes.map(({ correct, samples: drawn }) => correct / drawn);
  }

  /** Everything that determines a measurement on the development split, besides the weights. */
  #measuredOn({ selection }: Objective) {
    const { experiment, prompt, splits, verifier } = this.#input;
    const { bootstrapSeed: _, ...decoding } = experiment.evaluation;
    return {
      development: hashKey({
        problems: (splits.development ?? []).map((problem) => ({ ...problem })),
        prompt: { ...prompt, turns: prompt.turns.map((turn) => ({ ...turn })) },
        decoding: { ...decoding, samples: selection?.samples ?? decoding.samples },
        verifier: verifier.identity,
      }),
    };
  }

  async #measure(adapter: ArtifactRef | undefined, place: Place) {
    const easy = await this.#evaluate(adapter, 'easy', place);
    const hard = await this.#evaluate(adapter, 'hard', place);
    return { easy, hard };
  }

  async #evaluate(
    adapter: ArtifactRef | undefined,
    split: MeasuredSplit['split'],
    { label, ...place }: Place,
    samples?: number,
  ) {
    const { evaluation } = this.#input.experiment;
    const outcomes = await this.#evaluation(() =>
      staged('evaluate', { arm: label, split }, () =>
        evaluate(this.#context, {
          label: `${label}, ${split}`,
          model: this.#input.model,
          adapter,
          problems: this.#input.splits[split] ?? [],
          prompt: this.#input.prompt,
          decoding: { ...evaluation, samples: samples ?? evaluation.samples },
          bootstrapSeed: evaluation.bootstrapSeed,
          verifier: this.#input.verifier,
          style: styleOfTask(this.#input.experiment.task),
        }),
      ),
    );
    const accuracy = mean(outcomes.map(({ correct, samples: drawn }) => correct / drawn));
    this.#context.progress.measured({ ...place, split, accuracy, questions: outcomes.length });
    return outcomes;
  }
}
