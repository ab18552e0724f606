// The trainer's jobs: a queue that runs them one after another, keeps them across restarts, and tells watchers.
import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { type ArtifactRef, type ArtifactStore, FolderLock, type LockLost } from '@overtone/artifacts';
import {
  type CreateJobRequest,
  type Job,
  JobState,
  type StepMetrics,
  TrainingSpec,
  type WatchJobResponse,
} from '@overtone/contracts';
import { resolveModel } from '@overtone/language-model';
import {
  alreadyExists,
  failedPrecondition,
  notFound,
  requiredField,
  resourceExhausted,
  unavailable,
} from '@overtone/rpc';
import { countUpDown, linkTo, logger, type Span, withSpan } from '@overtone/telemetry';
import { type Hardware, hardwareKey } from '@overtone/tensor/hardware';
import { type CheckpointPolicy, type Snapshot, trainInThread, writeLastWeights } from '@overtone/training';
import { JobFolder } from './job-folder.ts';
import { JobTelemetry } from './job-telemetry.ts';
import { parseSpecification } from './specification.ts';

const MEDIA_TYPE = { adapter: 'application/vnd.overtone.adapter', model: 'application/vnd.overtone.model' };
const ENDED: readonly JobState[] = [
  JobState.JOB_STATE_SUCCEEDED,
  JobState.JOB_STATE_FAILED,
  JobState.JOB_STATE_CANCELLED,
];

/** Most jobs that wait or run: one at a time is trained, and each that waits is a folder on the disk. */
const MOST_WAITING = 1000;

const QUEUE = { 'overtone.queue.name': 'train' };

/** Ended jobs whose steps stay in memory, the latest: who follows a job reads them when it ends. */
const MOST_REMEMBERED = 16;

/** Whether a job will not change any more. */
const ended = (job: Job): boolean => ENDED.includes(job.state);

interface Entry {
  readonly request: CreateJobRequest;
  readonly folder: JobFolder;
  controller: AbortController;
  /** Emits 'change'. */
  readonly changes: EventEmitter;
  /** Undefined for a job that ended long ago: they are in its folder. */
  steps: StepMetrics[] | undefined;
  job: Job;
  /** In the trace, once it has started. */
  span?: Span;
}

/** Where jobs live and how they run. */
export interface JobsOptions {
  readonly store: ArtifactStore;
  /** Folder of all jobs' state. */
  readonly state: string;
  /** Threads within an operator. */
  readonly threads: number;
  /** What steps run on, and in which precision. */
  readonly hardware: Hardware;
  /** When a job's checkpoints are written, and how many are kept. */
  readonly checkpoints: CheckpointPolicy;
  /** How long to wait for another trainer that still works in the state folder, seconds. Default 10: one that was told to end may be at its checkpoint. */
  readonly lockSeconds?: number;
  /** Hears that another trainer has taken the state folder over: nothing may be written any more. */
  readonly onLockLost?: (error: LockLost) => void;
}

/** All jobs of a trainer. */
export class Jobs {
  private readonly entries = new Map<string, Entry>();
  private readonly options: JobsOptions;
  private readonly log = logger('trainer');
  private running: Promise<void> = Promise.resolve();
  private readonly remembered: Entry[] = [];
  private closing = false;
  private readonly lock: FolderLock;

  private constructor(options: JobsOptions, lock: FolderLock) {
    this.options = options;
    this.lock = lock;
  }

  /** Opens a state folder; jobs that had not ended continue. Throws FolderInUse when another trainer works in it. */
  static async open(options: JobsOptions): Promise<Jobs> {
    const { state, lockSeconds = 10, onLockLost } = options;
    const lock = await FolderLock.take(join(state, 'trainer.lock'), {
      waitMs: lockSeconds * 1000,
      ...(onLockLost === undefined ? {} : { onLost: onLockLost }),
    });
    const jobs = new Jobs(options, lock);
    for (const { request, job, folder } of await JobFolder.all(options.state)) {
      const entry = jobs.add(request, job, folder, ended(job) ? undefined : []);
      if (!ended(job)) jobs.enqueue(entry);
    }
    return jobs;
  }

  /**
   * Starts a job, or returns the one with this id, which continues if that is asked for and it ended early. Throws ALREADY_EXISTS when
   * that one does something else, FAILED_PRECONDITION when it is meant for other hardware, NOT_FOUND when the store does not have its
   * data set or an adapter, RESOURCE_EXHAUSTED when too many wait.
   */
  async create(request: CreateJobRequest): Promise<Job> {
    this.checkHardware(request);
    if (!this.entries.has(request.jobId)) await this.checkArtifacts(request);
    const known = this.entries.get(request.jobId);
    if (known) {
      const spec = ({ spec: own }: CreateJobRequest): Buffer =>
        Buffer.from(TrainingSpec.encode(requiredField(own, 'spec')).finish());
      if (!spec(known.request).equals(spec(request)))
        throw alreadyExists(`job ${request.jobId} exists with another specification; choose another job_id`);
      const early = ended(known.job) && known.job.state !== JobState.JOB_STATE_SUCCEEDED;
      if (request.resume === true && early) {
        const { job: before } = known;
        known.controller = new AbortController();
        known.steps ??= [];
        try {
          await this.update(known, { state: JobState.JOB_STATE_QUEUED, error: '' });
        } catch (error) {
          // One that could not be written down as queued is not: it would be waited for for ever.
          known.job = before;
          throw error;
        }
        this.enqueue(known);
      }
      return known.job;
    }
    if ([...this.entries.values()].filter(({ job: other }) => !ended(other)).length >= MOST_WAITING)
      throw resourceExhausted(`${MOST_WAITING} jobs wait or run already; try again when some have ended`);
    const job: Job = {
      id: request.jobId,
      state: JobState.JOB_STATE_QUEUED,
      step: 0,
      steps: 0,
      snapshots: [],
      error: '',
      alarms: [],
    };
    const folder = new JobFolder(this.options.state, request.jobId);
    const entry = this.add(request, job, folder, []);
    try {
      await folder.create(request, job);
    } catch (error) {
      this.entries.delete(request.jobId);
      throw error;
    }
    this.enqueue(entry);
    return entry.job;
  }

  /** A job's state. Throws NOT_FOUND. */
  get(id: string): Job {
    return this.entry(id).job;
  }

  /** Stops a job after its current step. */
  async cancel(id: string): Promise<Job> {
    const entry = this.entry(id);
    if (!ended(entry.job)) {
      entry.controller.abort();
      if (entry.job.state === JobState.JOB_STATE_QUEUED)
        await this.update(entry, { state: JobState.JOB_STATE_CANCELLED });
    }
    return entry.job;
  }

  /** A job's steps after the given one, and its state whenever it changes, until it ends. */
  async *watch(id: string, afterStep: number, signal: AbortSignal): AsyncGenerator<WatchJobResponse> {
    const entry = this.entry(id);
    const steps = entry.steps ?? (await entry.folder.steps(entry.job.step));
    let next = steps.findIndex(({ step }) => step > afterStep);
    if (next < 0) next = steps.length;
    let shown: Job | undefined;
    let linked: Span | undefined;
    while (true) {
      if (entry.span !== linked) linkTo((linked = entry.span));
      const { job } = entry;
      for (; next < steps.length; next++) {
        const step = steps[next];
        if (step && step.step > afterStep) yield { event: { $case: 'step', value: step } };
      }
      if (
        job.state !== shown?.state ||
        job.snapshots.length !== shown.snapshots.length ||
        job.alarms.length !== shown.alarms.length ||
        job.steps !== shown.steps
      ) {
        shown = job;
        yield { event: { $case: 'job', value: job } };
      }
      if (ended(job) && next >= steps.length) return;
      if (this.closing && next >= steps.length) throw unavailable('the trainer is shutting down');
      if (entry.job === job && next >= steps.length) await once(entry.changes, 'change', { signal });
    }
  }

  /** Stops all jobs, each with a checkpoint, and ends what watches them; they continue when the state folder is opened again. */
  async close(): Promise<void> {
    this.closing = true;
    for (const entry of this.entries.values()) if (!ended(entry.job)) entry.controller.abort();
    await this.running;
    this.lock.release();
    for (const { changes } of this.entries.values()) changes.emit('change');
  }

  /** What a job is computed on belongs to what determines its result. */
  private checkHardware({ jobId, spec }: CreateJobRequest): void {
    const own = hardwareKey(this.options.hardware) ?? 'cpu/float32';
    const wanted = spec?.engine ?? 'cpu/float32';
    if (own === wanted) return;
    throw failedPrecondition(
      `job ${jobId} is to be computed on ${wanted}, but this trainer computes on ${own}: start it with another OVERTONE_DEVICE and OVERTONE_PRECISION, or say "engine: { device, precision }" in the experiment`,
    );
  }

  private async checkArtifacts({ spec }: CreateJobRequest): Promise<void> {
    const { store } = this.options;
    for (const [field, ref] of [
      ['dataset', spec?.dataset],
      ['initial_adapter', spec?.initialAdapter],
      ['reference_adapter', spec?.referenceAdapter],
    ] as const) {
      if (ref !== undefined && !(await store.has(ref)))
        throw notFound(
          `spec.${field}: ${ref.sha256} is not in ${store.uri}: the services of a run must share one artifact store`,
        );
    }
  }

  private add(request: CreateJobRequest, job: Job, folder: JobFolder, steps: Entry['steps']): Entry {
    const changes = new EventEmitter().setMaxListeners(0);
    const entry: Entry = { request, job, folder, steps, controller: new AbortController(), changes };
    this.entries.set(request.jobId, entry);
    return entry;
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (!entry) throw notFound(`job ${id} does not exist; CreateJob starts it`);
    return entry;
  }

  private enqueue(entry: Entry): void {
    countUpDown('overtone.queue.depth', 1, QUEUE);
    this.running = this.running
      .then(() => this.run(entry))
      .then(() => this.forgetOldest(entry))
      .finally(() => countUpDown('overtone.queue.depth', -1, QUEUE));
  }

  /** Forgets the steps of the job that ended before many others. */
  private forgetOldest(latest: Entry): void {
    this.remembered.push(latest);
    const oldest = this.remembered.length > MOST_REMEMBERED ? this.remembered.shift() : undefined;
    if (oldest !== undefined && ended(oldest.job)) oldest.steps = undefined;
  }

  private async run(entry: Entry): Promise<void> {
    if (this.closing || ended(entry.job)) return;
    const { id } = entry.job;
    try {
      await withSpan('overtone.train.job', { 'overtone.job.id': id }, async (span) => {
        entry.span = span;
        const telemetry = new JobTelemetry(id);
        await this.train(entry, telemetry).finally(() => telemetry.close());
      });
      await this.update(entry, { state: JobState.JOB_STATE_SUCCEEDED });
    } catch (error) {
      if (this.closing) return;
      const cancelled = entry.controller.signal.aborted;
      const message = describe(error);
      this.log.warn(cancelled ? 'job cancelled' : 'job failed', { job: id, error: message });
      const failed = (what: string) => (cause: unknown) => this.log.error(what, { job: id, error: cause });
      const left = await this.lastWeights(entry).catch(failed('the last weights could not be kept'));
      await this.update(entry, {
        state: cancelled ? JobState.JOB_STATE_CANCELLED : JobState.JOB_STATE_FAILED,
        error: cancelled ? '' : message,
        snapshots: [...entry.job.snapshots, ...(left ?? [])],
      }).catch(failed('a job state could not be written'));
    }
  }

  /** The weights of the last checkpoint of a job that ended early, unless they are among its snapshots. */
  private async lastWeights(entry: Entry): Promise<Job['snapshots']> {
    const spec = requiredField(entry.request.spec, 'spec');
    const options = parseSpecification(spec);
    const model = await resolveModel(spec.model, {});
    const last = await writeLastWeights({ ...options, model, baseModel: spec.model }, runFolder(entry));
    const known = entry.job.snapshots.at(-1)?.step ?? 0;
    return last === undefined || last.step <= known ? [] : [await this.keep(last, spec)];
  }

  /** Puts a snapshot into the artifact store. */
  private async keep({ step, folder }: Snapshot, { lora }: TrainingSpec): Promise<Job['snapshots'][number]> {
    const mediaType = lora ? MEDIA_TYPE.adapter : MEDIA_TYPE.model;
    return { step, weights: await this.options.store.putFolder(folder, mediaType) };
  }

  private async train(entry: Entry, telemetry: JobTelemetry): Promise<void> {
    const { store, threads, hardware, checkpoints } = this.options;
    this.checkHardware(entry.request);
    const spec = requiredField(entry.request.spec, 'spec');
    const dataset = requiredField(spec.dataset, 'spec.dataset');
    const model = await resolveModel(spec.model, { signal: entry.controller.signal });
    const parsed = parseSpecification(spec);
    const folderOf = async (adapter: ArtifactRef | undefined): Promise<string | undefined> =>
      adapter && store.openFolder(adapter, { signal: entry.controller.signal });
    const options = {
      ...parsed,
      model,
      baseModel: parsed.model,
      dataset: await store.openFile(dataset, { signal: entry.controller.signal }),
      initialAdapter: await folderOf(spec.initialAdapter),
      referenceAdapter: await folderOf(spec.referenceAdapter),
    };
    const task = {
      options,
      run: { folder: runFolder(entry), threads, hardware, checkpoints },
    };
    for await (const event of trainInThread(task, entry.controller.signal)) {
      switch (event.type) {
        case 'planned':
          (entry.steps ??= []).splice(0, Infinity, ...(await entry.folder.continueAfter(event.resumedAt)));
          if (event.dropped > 0)
            this.log.info('groups that cannot be learned from', { job: entry.job.id, groups: event.dropped });
          await this.update(entry, {
            state: JobState.JOB_STATE_RUNNING,
            steps: event.steps,
            step: event.resumedAt,
            snapshots: [],
            // Steps that will be taken again will sound theirs again.
            alarms: entry.job.alarms.filter(({ step }) => step <= event.resumedAt),
          });
          break;
        case 'step': {
          const step = { step: event.step, values: { ...event.metrics } };
          await entry.folder.append(step);
          entry.steps?.push(step);
          telemetry.step(event.metrics);
          // A step alone is not worth a write of the state: the run's own checkpoint knows where it is.
          entry.job = { ...entry.job, step: event.step };
          entry.changes.emit('change');
          break;
        }
        case 'snapshot': {
          const snapshot = await this.keep(event, spec);
          // An alarm goes back to weights of an earlier step.
          const others = entry.job.snapshots.filter(({ step }) => step !== snapshot.step);
          const snapshots = [...others, snapshot].sort((left, right) => left.step - right.step);
          await this.update(entry, { snapshots });
          break;
        }
        case 'alarm': {
          const { alarm, step, kept: keptStep } = event;
          if (entry.job.alarms.some(({ metric }) => metric === alarm.metric)) break;
          telemetry.alarm(alarm.metric);
          const what = keptStep === undefined ? 'alarm' : 'alarm: the job ends';
          this.log.warn(what, { job: entry.job.id, step, keptStep, alarm: alarm.message });
          await this.update(entry, { alarms: [...entry.job.alarms, { ...alarm, step, keptStep }] });
          break;
        }
      }
    }
  }

  private async update(entry: Entry, change: Partial<Job>): Promise<void> {
    entry.job = { ...entry.job, ...change };
    try {
      await entry.folder.save(entry.job);
    } finally {
      // Whoever watches hears of it even where the disk is full.
      entry.changes.emit('change');
    }
  }
}

/** Where a job's run keeps its checkpoints and snapshots. */
function runFolder({ folder }: Entry): string {
  return join(folder.path, 'run');
}

/** Why a job failed, in one line. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const full = 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  return full
    ? `the disk is full (${error.message}); the last checkpoint is kept; make room and start the job again`
    : error.message;
}
