// The pipeline: sample → verify → saturate → compare → score → assess → train → evaluate → report. Stages start as soon as
// what they need is there: an arm trains while the judge of the next one still compares, and the one before is evaluated.
import { EntropyKind } from '@overtone/contracts';
import { buildReport, type MeasuredArm, type MeasuredRun, type Report } from '@overtone/report';
import type { Prompt, Verifier } from '@overtone/tasks';
import { planArm, plannedLabel } from './arm-plan.ts';
import { ArmRuns, type Round } from './arm-runs.ts';
import type { Experiment } from './config/load.ts';
import { needsEntropies, needsTopEntropies } from './config/signals.ts';
import { InputError } from './input-error.ts';
import { limiter, type Limiter } from './limiter.ts';
import type { Splits } from './problems.ts';
import { referencesOf } from './references.ts';
import type { RunContext } from './run-context.ts';
import { boughtInAll, Rounds } from './rounds.ts';
import { Scoring } from './scoring.ts';
import { sample } from './stages/sample.ts';
import { saturate } from './stages/saturate.ts';
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
    // Tasks may start others.
    while (tasks.length > 0) await Promise.all(tasks.splice(0));
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
  readonly #sessions: (judge: string) => Limiter;

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
    const sessions = new Map(
      Object.keys(input.experiment.judges).map((judge) => [judge, limiter(1, context.signal)]),
    );
    this.#sessions = (judge) => {
      const session = sessions.get(judge);
      if (session === undefined) throw new Error(`there is no judge "${judge}"`);
      return session;
    };
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
      sessions: this.#sessions,
    });
    const shared = {
      experiment: this.#experiment,
      splits: this.#splits,
      prompt: this.#prompt,
      verifier: this.#verifier,
      model: model.sha256,
      start: this.#start,
    };
    const later = new Rounds(this.#context, { ...shared, sessions: this.#sessions });
    const runs = new ArmRuns(this.#context, { ...shared, saturation, later });
    const base = this.#start(runs.measureBase());
    const reported = Object.keys(signals).map((signal) => this.#start(scoring.card(signal)));
    const planned = arms.map((arm) => ({
      arm,
      plan: this.#start(planArm(this.#context.progress, arm, scoring)),
      measured: new Array<Promise<MeasuredRun>>(),
      first: new Array<Promise<Round>>(),
    }));
    for (const [turn, seed] of this.#experiment.seeds.entries()) {
      for (const { arm, plan, measured, first } of planned) {
        const chooses = turn === 0 || arm.objective.selection?.scope !== 'first-seed';
        const run = runs.run(arm, seed, plan, chooses ? undefined : first);
        if (turn === 0) first.push(...run.rounds);
        measured.push(run.measured);
      }
    }
    const measuredArms: MeasuredArm[] = [{ name: 'base', signal: null, objective: null, runs: [await base] }];
    const cards = await Promise.all(reported);
    for (const { arm, plan, measured } of planned) {
      const objective = plannedLabel(arm.objective, await plan);
      measuredArms.push({ name: arm.name, signal: arm.signal, objective, runs: await Promise.all(measured) });
    }
    const bought = boughtInAll(await scoring.bought(), await later.bought());
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
        references: referencesOf(this.#experiment),
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
}

/** Adds up the seconds of several sittings, stage by stage. */
export function addTimings(...sittings: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total = new Map<string, number>(Object.keys(STAGES).map((stage) => [stage, 0]));
  for (const [stage, seconds] of sittings.flatMap((sitting) => Object.entries(sitting)))
    total.set(stage, (total.get(stage) ?? 0) + seconds);
  return Object.fromEntries(total);
}
