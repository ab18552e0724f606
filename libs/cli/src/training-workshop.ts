// A folder in which a command trains: progress on standard error, services that end with it, and one job of a trainer.
import { join } from 'node:path';
import { type ArtifactStore, hashKey, openStore } from '@overtone/artifacts';
import { TrainerServiceClient, TrainingSpec } from '@overtone/contracts';
import { followJob, Progress, Supervisor } from '@overtone/experiment';
import { connect } from '@overtone/rpc';
import { withSpan } from '@overtone/telemetry';
import { progressView } from './progress-view.ts';
import type { TrainFlags } from './train-program.ts';

/** What a command works with. */
export interface TrainingWorkshop {
  readonly progress: Progress;
  readonly store: ArtifactStore;
  /** Trains, and returns the job with the folder of its last weights. */
  readonly train: (spec: TrainingSpec, how: HowToTrain) => Promise<Trained>;
}

/** How a job is trained. */
export interface HowToTrain {
  /** host:port of a trainer; undefined starts one here, on the CPU. */
  readonly address?: string | undefined;
  /** Threads of a trainer that is started here. */
  readonly threads: number;
  /** Precision of a trainer that is started here. Default float32. */
  readonly precision?: TrainFlags['precision'];
  /** Steps to expect before the trainer has planned them. */
  readonly steps?: number;
}

/** A job that was followed to its end. */
export interface Trained extends Awaited<ReturnType<typeof followJob>> {
  /** Folder of the last weights. */
  readonly weights: string;
}

/**
 * Works in a folder that exists, and ends its services afterwards.
 *
 * @param artifacts URI of the store. Default: in the folder.
 * @throws what the work throws; the reason of a service's end where that was first.
 */
export async function inTrainingWorkshop<Result>(
  folder: string,
  {
    span,
    attributes,
    artifacts = `file://${join(folder, 'artifacts')}`,
    interrupt,
  }: {
    readonly span: string;
    readonly attributes: Parameters<typeof withSpan>[1];
    readonly artifacts?: string | undefined;
    readonly interrupt: AbortSignal;
  },
  work: (workshop: TrainingWorkshop) => Promise<Result>,
): Promise<Result> {
  const store = openStore(artifacts);
  const view = progressView(process.stderr);
  const progress = new Progress(view.listen);
  const failure = new AbortController();
  const signal = AbortSignal.any([interrupt, failure.signal]);
  const supervisor = new Supervisor({
    traces: join(folder, 'traces'),
    logs: join(folder, 'logs'),
    say: (text) => progress.say(text),
    onFailure: (error) => failure.abort(error),
    signal,
  });
  const train: TrainingWorkshop['train'] = async (
    spec,
    { address, threads, precision = 'float32', steps },
  ) => {
    const trainer = connect(
      TrainerServiceClient,
      address ??
        (await supervisor.start('trainer', {
          OVERTONE_ARTIFACTS: artifacts,
          OVERTONE_STATE: join(folder, 'state'),
          OVERTONE_THREADS: String(threads),
          // What comes out is what the CPU makes of its seed.
          OVERTONE_DEVICE: '',
          OVERTONE_PRECISION: precision,
        })),
    );
    try {
      const stage = progress.stage('train', 'steps');
      if (steps !== undefined) stage.expect(steps);
      const jobId = hashKey(JSON.stringify(TrainingSpec.toJSON(spec)));
      const followed = await stage.run(() => followJob({ trainer, jobId, spec, stage, signal }));
      const weights = followed.job.snapshots.at(-1)?.weights;
      if (weights === undefined) throw new Error('the trainer ended without weights');
      return { ...followed, weights: await store.openFolder(weights) };
    } finally {
      trainer.close();
    }
  };
  try {
    return await withSpan(span, attributes, () => work({ progress, store, train }));
  } catch (error) {
    throw failure.signal.aborted ? failure.signal.reason : error;
  } finally {
    view.close();
    await supervisor.stop();
  }
}
