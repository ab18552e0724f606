// A run: services up, pipeline through, report written, services down.
import { openStore } from '@overtone/artifacts';
import { type Report, renderPage } from '@overtone/report';
import { withSpan } from '@overtone/telemetry';
import { outlastFullDisk } from './full-disk.ts';
import { readPageMaterial } from './page/page-material.ts';
import { recordMaterial } from './page/token-entropies.ts';
import { patientStore } from './patient-store.ts';
import { addTimings, runPipeline } from './pipeline.ts';
import type { PreparedRun } from './prepare.ts';
import { Progress, type ProgressListener } from './progress.ts';
import { ProgressLog } from './progress-log.ts';
import type { RunContext } from './run-context.ts';
import { connectServices, type Services } from './services.ts';
import { announceStages } from './stages.ts';
import { type SharedPlaces, startServices, Supervisor, type SupervisorOptions } from './supervisor.ts';

/** How to run. */
export interface RunOptions {
  /** Hears of progress. */
  readonly listen?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Where to find the services' programs. Default: in this repository. */
  readonly program?: SupervisorOptions['program'];
  /** Hosts the services otherwise than as processes. Default: they are started here, but for those that run elsewhere. */
  readonly host?: (places: SharedPlaces) => Promise<Services>;
}

/**
 * Runs a prepared experiment to its report. A run that was interrupted or killed continues where it was when it is
 * prepared again with the same folder.
 *
 * @throws InputError when the task leaves nothing to learn from.
 */
export async function runExperiment(
  { experiment, splits, prompt, verifier, folder }: PreparedRun,
  options: RunOptions = {},
): Promise<Report> {
  const log = new ProgressLog(folder.path, { configuration: folder.configuration, lost: folder.lost });
  const progress = new Progress((event) => {
    log.hear(event);
    options.listen?.(event);
  });
  announceStages(progress);
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, folder.lost, ...(options.signal ? [options.signal] : [])]);
  const supervisor = new Supervisor({
    traces: folder.at('traces'),
    logs: folder.at('logs'),
    say: (text) => progress.say(text),
    onFailure: (error) => failure.abort(error),
    counter: progress.stage('start'),
    signal,
    ...(options.program === undefined ? {} : { program: options.program }),
  });
  const timings = (): Record<string, number> => addTimings(folder.earlierTimings, progress.timings());
  try {
    if (folder.resumed) progress.say(`${folder.path} holds an earlier run of this experiment; it continues`);
    const report = await withSpan('overtone.run', { 'overtone.experiment': experiment.name }, async () => {
      const starting = progress.stage('start');
      const places = { artifacts: folder.artifacts, trainerState: folder.at('state', 'trainer') };
      const services = await starting.run(
        async () =>
          (await options.host?.(places)) ??
          connectServices(await startServices(supervisor, experiment, places), experiment.services.streams),
      );
      try {
        const context: RunContext = {
          services,
          store: patientStore(openStore(folder.artifacts), { signal, progress }),
          progress,
          signal,
          runId: await outlastFullDisk(() => folder.runId(), { signal, progress }),
          state: folder.at('state'),
          record: (stage, label, key, ref) => folder.record(stage, label, key, ref),
        };
        const report = await runPipeline(context, {
          experiment,
          splits,
          prompt,
          verifier,
          earlierTimings: folder.earlierTimings,
        });
        await outlastFullDisk(() => folder.save(), { signal, progress });
        await recordMaterial(context, { folder: folder.path, prompt, hard: splits.hard });
        return report;
      } finally {
        services.close();
      }
    });
    const write = (name: string, content: string): Promise<void> =>
      outlastFullDisk(() => folder.write(name, content), { signal, progress });
    await write('report.json', `${JSON.stringify(report, null, 2)}\n`);
    // With their traces to the end.
    await supervisor.stop();
    await outlastFullDisk(() => folder.save(), { signal, progress });
    await write('report.html', await renderPage(report, await readPageMaterial(folder.path, report)));
    log.close();
    await outlastFullDisk(() => folder.finish('done', timings()), { signal, progress });
    return report;
  } catch (error) {
    const interrupted = options.signal?.aborted === true;
    if (!interrupted) log.hear({ kind: 'message', text: describe(error), alarm: true });
    log.close();
    folder.finish(interrupted ? 'interrupted' : 'failed', timings());
    throw error;
  } finally {
    await supervisor.stop();
  }
}

const describe = (error: unknown): string => (error instanceof Error ? error.message : String(error));
