// The pipeline: sample → verify → saturate → compare → score → assess → train → evaluate → report. Stages start as soon as
// what they need is there: an arm trains while the judge of the next one still compares, and the one before is evaluated.
import type { ArtifactRef } from '@overtone/artifacts';
import { EntropyKind } from '@overtone/contracts';
import { average, buildReport, type MeasuredArm, type MeasuredRun, type Report } from '@overtone/report';
import type { Prompt, Verifier } from '@overtone/tasks';
import { type ArmPlan, planArm, plannedLabel, skipSeed } from './arm-plan.ts';
import { engineOf } from './config/engine.ts';
import type { Arm, Experiment } from './config/load.ts';
import type { Objective } from './config/schema.ts';
import { needsEntropies, needsTopEntropies } from './config/signals.ts';
import { InputError } from './input-error.ts';
import { limiter } from './limiter.ts';
import type { Splits } from './problems.ts';
import type { RunContext } from './run-context.ts';
import { Scoring } from './scoring.ts';
import { evaluate } from './stages/evaluate.ts';
import { sample } from './stages/sample.ts';
import { saturate } from './stages/saturate.ts';
import { type Chosen, learningRates, selectWeights } from './stages/select.ts';
import { train, trainingSpec } from './stages/train.ts';
import { outlastRestarts } from './services.ts';
import { staged } from './staged.ts';
import { STAGES } from './stages.ts';
import { workOf } from './work.ts';

/** What a pipeline works on. */
export interface PipelineInput {
  readonly experiment: Experiment;
  readonly splits: Splits;
  /** How questions are put to the model. */
  readonly prompt: Prompt;
  /** Decides whether a solution is correct. */
  readonly verifier: Verifier;
  /** Seconds that earlier sittings of the run were at work, by stage. */
  readonly earlierTimings: Readonly<Record<string, number>>;
}

/** What the generator hosts, as far as the report and the keys need it. */
export interface HostedModel {
  readonly name: string;
  readonly sha256: string;
  readonly parameters: number;
}

/** The weights of an arm that are measured: those of a snapshot, or the base model's where it was not trained. */
type Weights =
  | Chosen
  | {
      readonly learningRate: null;
      readonly step: null;
      readonly weights: undefined;
      readonly development: null;
    };

/**
 * Runs all stages and returns the report. Every stage first looks for what an earlier run has made.
 *
 * @throws InputError when the task or a signal leaves nothing to learn from.
 */
export async function runPipeline(outer: RunContext, input: PipelineInput): Promise<Report> {
  const failure = new AbortController();
  const context: RunContext = { ...outer, signal: AbortSignal.any([outer.signal, failure.signal]) };
  const tasks: Promise<unknown>[] = [];
  /** Starts a task of which the run waits even when another one fails. */
  const start = <Result>(task: Promise<Result>): Promise<Result> => {
    tasks.push(task.catch((error: unknown) => failure.abort(error)));
    return task;
  };
  try {
    return await new Run(context, input, start).report();
  } catch (error) {
    failure.abort(error);
    throw outer.signal.aborted ? outer.signal.reason : failure.signal.reason;
  } finally {
    await Promise.all(tasks);
  }
}

class Run {
  readonly #context: RunContext;
  readonly #experiment: Experiment;
  readonly #splits: Splits;
  readonly #prompt: Prompt;
  readonly #verifier: Verifier;
  readonly #earlierTimings: PipelineInput['earlierTimings'];
  readonly #start: <Result>(task: Promise<Result>) => Promise<Result>;
  readonly #training: ReturnType<typeof limiter>;
  readonly #evaluation: ReturnType<typeof limiter>;

  constructor(
    context: RunContext,
    input: PipelineInput,
    start: <Result>(task: Promise<Result>) => Promise<Result>,
  ) {
    this.#context = context;
    this.#experiment = input.experiment;
    this.#splits = input.splits;
    this.#prompt = input.prompt;
    this.#verifier = input.verifier;
    this.#earlierTimings = input.earlierTimings;
    this.#start = start;
    this.#training = limiter(input.experiment.concurrency.training, context.signal);
    this.#evaluation = limiter(input.experiment.concurrency.evaluation, context.signal);
  }

  async report(): Promise<Report> {
    const { arms, signals, evaluation, name, sampling } = this.#experiment;
    const model = await this.#describeModel();
    this.#expectWork();
    const solutions = await staged('sample', {}, () =>
      sample(this.#context, {
        model: model.sha256,
        problems: this.#splits.train,
        prompt: this.#prompt,
        decoding: sampling,
        chunk: sampling.chunk,
        topEntropies: needsTopEntropies(signals),
      }),
    );
    const saturation = await staged('saturate', {}, () =>
      saturate(this.#context, this.#splits.train, solutions, this.#verifier),
    );
    this.#context.progress.say(
      `${saturation.groups.length} of ${saturation.questions} training questions are saturated (mean accuracy ${(saturation.accuracy * 100).toFixed(1)} %)`,
    );

    const scoring = new Scoring(this.#context, {
      experiment: this.#experiment,
      prompt: this.#prompt,
      saturation,
      start: this.#start,
    });
    const base = this.#start(this.#measureBase(model));
    const reported = Object.keys(signals).map((signal) => this.#start(scoring.card(signal)));
    const plans = arms.map((arm) => this.#start(planArm(this.#context.progress, arm, scoring)));
    const measured = arms.map(() => new Array<Promise<MeasuredRun>>());
    const settled = new Map<number, Promise<Weights>>();
    for (const [turn, seed] of this.#experiment.seeds.entries()) {
      for (const [index, arm] of arms.entries()) {
        const first =
          arm.objective.selection?.scope === 'first-seed' && turn > 0 ? settled.get(index) : undefined;
        const chosen = this.#start(this.#trainArm(model, arm, seed, plans[index], first));
        if (turn === 0) settled.set(index, chosen);
        measured[index]?.push(this.#start(this.#measureArm(model, arm, seed, chosen)));
      }
    }
    const measuredArms: MeasuredArm[] = [{ name: 'base', signal: null, objective: null, runs: [await base] }];
    const cards = await Promise.all(reported);
    const bought = await scoring.bought();
    for (const [index, arm] of arms.entries()) {
      const runs = await Promise.all(measured[index] ?? []);
      const objective = plannedLabel(arm.objective, await plans[index]);
      measuredArms.push({ name: arm.name, signal: arm.signal, objective, runs });
    }
    const reporting = this.#context.progress.stage('report');
    reporting.expect(1);
    return reporting.run(async () => {
      const { questions, accuracy, groups } = saturation;
      const report = buildReport({
        name,
        model,
        saturation: { questions, saturated: groups.length, accuracy },
        signals: cards,
        judges: bought,
        arms: measuredArms,
        samples: evaluation.samples,
        seed: evaluation.bootstrapSeed,
        timings: addTimings(this.#earlierTimings, this.#context.progress.timings()),
      });
      reporting.advance(1);
      return report;
    });
  }

  async #describeModel(): Promise<HostedModel> {
    const { generator } = this.#context.services;
    const described = await outlastRestarts(
      [generator],
      () => generator.describeModel({}, { signal: this.#context.signal }),
      this.#context,
    );
    const [entropic] =
      Object.entries(this.#experiment.signals).find(([, signal]) => needsEntropies(signal)) ?? [];
    if (described.entropyKind === EntropyKind.ENTROPY_KIND_NONE && entropic !== undefined)
      throw new InputError(
        `signal "${entropic}" is made of entropies, and the generator at ${generator.address} gives none; start it with OVERTONE_ENTROPY=engine or top-k, or take another signal`,
      );
    return { name: described.model, sha256: described.sha256, parameters: described.parameters };
  }

  /** Tells the progress how much there will be to train and to evaluate. */
  #expectWork(): void {
    const { steps, evaluated } = workOf(this.#experiment, this.#splits);
    this.#context.progress.stage('train').expect(steps);
    this.#context.progress.stage('evaluate').expect(evaluated);
  }

  async #measureBase(model: HostedModel): Promise<MeasuredRun> {
    const development =
      this.#splits.development === undefined ? null : await this.#develop(model, undefined, 'base');
    const outcomes = await this.#measure(model, undefined, 'base');
    return { seed: null, learningRate: null, step: null, development, outcomes };
  }

  async #measureArm(
    model: HostedModel,
    arm: Arm,
    seed: number,
    chosen: Promise<Weights>,
  ): Promise<MeasuredRun> {
    const { learningRate, step, weights, development } = await chosen;
    const outcomes = await this.#measure(model, weights, `${arm.name} seed ${seed}`);
    return { seed, learningRate, step, development, outcomes };
  }

  async #trainArm(
    model: HostedModel,
    arm: Arm,
    seed: number,
    planned: Promise<ArmPlan> | undefined,
    first: Promise<Weights> | undefined,
  ): Promise<Weights> {
    const plan = await planned;
    const settled = await first;
    if (plan === undefined) throw new Error(`arm "${arm.name}" has no plan`);
    if (plan.kind === 'not-trained') {
      skipSeed(this.#context.progress, this.#experiment, this.#splits, arm.objective, settled !== undefined);
      return { learningRate: null, step: null, weights: undefined, development: null };
    }
    const { objective, dataset } = plan;
    return selectWeights({
      objective,
      settled: settled?.weights === undefined ? undefined : settled,
      train: (learningRate) => {
        const label = `${arm.name} seed ${seed}${learningRates(objective).length > 1 ? ` lr ${learningRate}` : ''}`;
        const spec = trainingSpec({
          model: this.#experiment.model,
          dataset,
          objective,
          learningRate,
          seed,
          engine: engineOf(this.#experiment),
        });
        return this.#training(() =>
          staged('train', { arm: arm.name, seed, learningRate }, () =>
            train(this.#context, { label, spec, model: model.sha256 }),
          ),
        );
      },
      develop: (weights, learningRate, step) =>
        this.#develop(model, weights, `${arm.name} seed ${seed} lr ${learningRate} step ${step}`, objective),
    });
  }

  /** avg on the development split. */
  async #develop(
    model: HostedModel,
    adapter: ArtifactRef | undefined,
    label: string,
    objective?: Objective,
  ): Promise<number> {
    const samples = objective?.selection?.samples;
    return average(await this.#evaluate(model, adapter, 'development', label, samples));
  }

  async #measure(model: HostedModel, adapter: ArtifactRef | undefined, label: string) {
    const easy = await this.#evaluate(model, adapter, 'easy', label);
    const hard = await this.#evaluate(model, adapter, 'hard', label);
    return { easy, hard };
  }

  #evaluate(
    model: HostedModel,
    adapter: ArtifactRef | undefined,
    split: 'development' | 'easy' | 'hard',
    label: string,
    samples?: number,
  ) {
    const { evaluation } = this.#experiment;
    return this.#evaluation(() =>
      staged('evaluate', { arm: label, split }, () =>
        evaluate(this.#context, {
          label: `${label}, ${split}`,
          model: model.sha256,
          adapter,
          problems: this.#splits[split] ?? [],
          prompt: this.#prompt,
          decoding: { ...evaluation, samples: samples ?? evaluation.samples },
          bootstrapSeed: evaluation.bootstrapSeed,
          verifier: this.#verifier,
        }),
      ),
    );
  }
}

/** Adds up the seconds of several sittings, stage by stage. */
export function addTimings(...sittings: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total = new Map<string, number>(Object.keys(STAGES).map((stage) => [stage, 0]));
  for (const [stage, seconds] of sittings.flatMap((sitting) => Object.entries(sitting)))
    total.set(stage, (total.get(stage) ?? 0) + seconds);
  return Object.fromEntries(total);
}
