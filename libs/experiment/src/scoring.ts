// What a run learns of its signals before anything is trained: verdicts, scores, signal cards and training data, each computed
// once, when first asked for. Judges start at once; what needs several of them waits for those alone.
import type { ArtifactRef } from '@overtone/artifacts';
import type { ReportedJudge, ReportedSignal } from '@overtone/report';
import type { Prompt } from '@overtone/tasks';
import type { SignalSource } from './arm-plan.ts';
import type { Experiment } from './config/load.ts';
import type { Signal } from './config/schema.ts';
import { judgesOf, partsOf } from './config/signals.ts';
import { InputError } from './input-error.ts';
import { describeJudge } from './judging/describe-judge.ts';
import { withVerdicts } from './judging/with-verdicts.ts';
import { type Limiter, once } from './limiter.ts';
import type { RunContext } from './run-context.ts';
import { staged } from './staged.ts';
import { assess } from './stages/assess.ts';
import { compare, type NamedJudge, type Verdicts } from './stages/compare.ts';
import { writeDataset } from './stages/dataset.ts';
import type { Saturation } from './stages/saturate.ts';
import { distinguishes, score, type Scores } from './stages/score.ts';

/** What is scored. */
export interface ScoringInput {
  readonly experiment: Experiment;
  readonly prompt: Prompt;
  readonly saturation: Saturation;
  /** Starts a task of which the run waits even when another one fails. */
  readonly start: <Result>(task: Promise<Result>) => Promise<Result>;
  /** The sessions of a judge: one at a time, so that its budget is counted once. */
  readonly sessions: (judge: string) => Limiter;
  /** Signal cards that will be asked for. Default: those of all signals. */
  readonly cards?: number;
}

/** The signals of a run. */
export class Scoring implements SignalSource {
  readonly #context: RunContext;
  readonly #experiment: Experiment;
  readonly #prompt: Prompt;
  readonly #saturation: Saturation;
  /** Judges that a signal asks: about all groups. The auditor alone is asked about the audited ones. */
  readonly #asked: ReadonlySet<string>;
  readonly #auditedGroups: number;
  readonly #judges: readonly string[];
  readonly #sessions: ScoringInput['sessions'];

  /** Starts the judges, and tells the progress what there will be to do. */
  constructor(context: RunContext, { experiment, prompt, saturation, start, sessions, cards }: ScoringInput) {
    const { signals, judges, audit } = experiment;
    this.#sessions = sessions;
    const groups = saturation.groups.length;
    this.#context = context;
    this.#experiment = experiment;
    this.#prompt = prompt;
    this.#saturation = saturation;
    this.#asked = new Set(Object.values(signals).flatMap(judgesOf));
    this.#auditedGroups = Math.min(audit?.groups ?? groups, groups);
    this.#judges = Object.keys(judges).filter((judge) => this.#asked.has(judge) || audit?.judge === judge);
    const { progress } = context;
    for (const judge of this.#judges)
      progress.stage('compare').expect(this.#asked.has(judge) ? groups : this.#auditedGroups);
    progress.stage('score').expect(Object.keys(signals).length * groups);
    progress.stage('assess').expect(cards ?? Object.keys(signals).length);
    for (const judge of this.#judges) void start(this.#verdicts(judge));
  }

  /** A signal's scores of every group that it can score. */
  readonly scores = once(async (name): Promise<Scores> => {
    const signal = this.#signal(name);
    const judged = await Promise.all(
      judgesOf(signal).map(async (judge) => [judge, await this.#verdicts(judge)] as const),
    );
    const parts = await Promise.all(partsOf(signal).map(this.scores));
    const part = await this.#scorable(name);
    return staged('score', { signal: name }, () =>
      score(this.#context, name, signal, part, { verdicts: new Map(judged), parts }),
    );
  });

  /** How far a signal can be trusted. */
  readonly card = once(async (name): Promise<ReportedSignal> => {
    const signal = this.#signal(name);
    const { audit } = this.#experiment;
    const [saturation, scores, verdicts, audited] = await Promise.all([
      this.#scorable(name),
      this.scores(name),
      'judge' in signal ? this.#verdicts(signal.judge) : undefined,
      audit === undefined ? undefined : this.#verdicts(audit.judge),
    ]);
    return staged('assess', { signal: name }, () =>
      assess(this.#context, {
        name,
        signal,
        saturation,
        scores,
        verdicts,
        auditor: audit?.judge,
        audit: audited,
        auditedGroups: this.#auditedGroups,
      }),
    );
  });

  /**
   * A signal's training data.
   *
   * @param temperature what scores are divided by. Default 1.
   * @throws InputError when the signal tells no two solutions of a question apart.
   */
  readonly dataset = (name: string, temperature?: number): Promise<ArtifactRef> =>
    temperature === undefined ? this.#plainDataset(name) : this.#writeDataset(name, temperature);

  /** What was bought of each judge. */
  bought(): Promise<ReportedJudge[]> {
    return Promise.all(this.#judges.map(async (judge) => (await this.#verdicts(judge)).report));
  }

  readonly #verdicts = once((judge): Promise<Verdicts> => {
    const { groups } = this.#saturation;
    const part = this.#asked.has(judge) ? groups : groups.slice(0, this.#auditedGroups);
    return staged('compare', { judge }, async () =>
      this.#sessions(judge)(async () => compare(this.#context, await this.#describeJudge(judge), part)),
    );
  });

  /** What a signal can score: without the groups that a spent budget has left without verdicts. */
  readonly #scorable = once(async (name): Promise<Saturation> => {
    const signal = this.#signal(name);
    const judged = await Promise.all(judgesOf(signal).map(this.#verdicts));
    const parts = await Promise.all(partsOf(signal).map(this.#scorable));
    return withVerdicts(name, this.#saturation, judged, parts);
  });

  readonly #plainDataset = once((name) => this.#writeDataset(name));

  async #writeDataset(name: string, temperature?: number): Promise<ArtifactRef> {
    const [scores, part] = await Promise.all([this.scores(name), this.#scorable(name)]);
    if (this.#signal(name).method !== 'random' && !distinguishes(scores, part.groups))
      throw new InputError(
        `signal "${name}" gives every solution of a question the same score in all ${part.groups.length} groups, so there is nothing to learn from; ` +
          'raise sampling.samples or sampling.temperature, or take another signal',
      );
    return writeDataset(this.#context, name, this.#prompt, part, scores, temperature);
  }

  #signal(name: string): Signal {
    const signal = this.#experiment.signals[name];
    if (signal === undefined) throw new Error(`there is no signal "${name}"`);
    return signal;
  }

  async #describeJudge(name: string): Promise<NamedJudge> {
    const remote = this.#context.services.judges.get(name);
    if (remote === undefined) throw new Error(`there is no judge "${name}"`);
    const settings = this.#experiment.judges[name];
    if (settings === undefined) throw new Error(`there is no judge "${name}" in the experiment`);
    const { progress, signal } = this.#context;
    return describeJudge(name, remote, settings, { signal, say: (text) => progress.say(text) });
  }
}
