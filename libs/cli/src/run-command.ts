// `overtone run` and `overtone demo` once their input has been checked: everything that speaks gRPC.
import { type PreparedRun, runExperiment } from '@overtone/experiment';
import { renderTable } from '@overtone/report';
import { progressView } from './progress-view.ts';
import { near } from './runs-command.ts';
import { watchView } from './watch-view.ts';

/** Runs a prepared experiment with progress on standard error and its result on standard output. */
export async function run(
  prepared: PreparedRun,
  options: { json: boolean; watch: boolean; signal: AbortSignal },
): Promise<void> {
  const view =
    options.watch && process.stderr.isTTY
      ? watchView(process.stderr, { name: prepared.experiment.name, folder: near(prepared.folder.path) })
      : progressView(process.stderr);
  try {
    const report = await runExperiment(prepared, { listen: view.listen, signal: options.signal });
    view.close();
    if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    else process.stdout.write(`\n${renderTable(report)}\nReport: ${prepared.folder.at('report.html')}\n`);
  } catch (error) {
    view.close();
    throw error;
  }
}
