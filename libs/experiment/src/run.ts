// A run: services up, pipeline through, report written, services down.
import { openStore } from '@overtone/artifacts';
import { type Report, renderHtml } from '@overtone/report';
import { withSpan } from '@overtone/telemetry';
import { addTimings, runPipeline } from './pipeline.ts';
import type { PreparedRun } from './prepare.ts';
import { Progress, type ProgressListener } from './progress.ts';
import { connectServices } from './services.ts';
import { announceStages } from './stages.ts';
import { startServices, Supervisor, type SupervisorOptions } from './supervisor.ts';

/** How to run. */
export interface RunOptions {
  /** Hears of progress. */
  readonly listen?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Where to find the services' programs. Default: in this repository. */
  readonly program?: SupervisorOptions['program'];
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
  const progress = new Progress(options.listen);
  announceStages(progress);
  const failure = new AbortController();
  const signal = AbortSignal.any([failure.signal, folder.lost, ...(options.signal ? [options.signal] : [])]);
  const supervisor = new Supervisor({
    traces: folder.at('traces'),
    logs: folder.at('logs'),
    say: (text) => progress.say(text),
    onFailure: (error) => failure.abort(error),
    signal,
    ...(options.program === undefined ? {} : { program: options.program }),
  });
  const timings = (): Record<string, number> => addTimings(folder.earlierTimings, progress.timings());
  try {
    if (folder.resumed) progress.say(`${folder.path} holds an earlier run of this experiment; it continues`);
    const report = await withSpan('overtone.run', { 'overtone.experiment': experiment.name }, async () => {
      const starting = progress.stage('start');
      const addresses = await starting.run(() =>
        startServices(supervisor, experiment, {
          artifacts: folder.artifacts,
          trainerState: folder.at('state', 'trainer'),
        }),
      );
      const services = connectServices(addresses);
      try {
        return await runPipeline(
          {
            services,
            store: openStore(folder.artifacts),
            progress,
            signal,
            runId: folder.runId(),
            record: (stage, label, key, ref) => folder.record(stage, label, key, ref),
          },
          { experiment, splits, prompt, verifier, earlierTimings: folder.earlierTimings },
        );
      } finally {
        services.close();
      }
    });
    folder.write('report.json', `${JSON.stringify(report, null, 2)}\n`);
    folder.write('report.html', renderHtml(report));
    folder.finish('done', timings());
    return report;
  } catch (error) {
    folder.finish(options.signal?.aborted === true ? 'interrupted' : 'failed', timings());
    throw error;
  } finally {
    await supervisor.stop();
  }
}
