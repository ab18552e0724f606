// The pipeline as a process of its own: runs the experiment in a file, in the folder that is named, and writes what it hears of its
// progress to standard output, one JSON object a line.
import { loadExperiment, prepareRun, runExperiment } from '@overtone/experiment';

const [file = '', out = ''] = process.argv.slice(2);
const interrupt = new AbortController();
process.once('SIGTERM', () => interrupt.abort(new Error('told to end')));
try {
  const prepared = await prepareRun(loadExperiment(file), { out });
  await runExperiment(prepared, {
    signal: interrupt.signal,
    listen: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
