#!/usr/bin/env node
// The command `overtone`. Nothing here loads gRPC: telemetry has to start before anything does.
import { describeFailure, interruptSignal } from './process-end.ts';
import { buildProgram } from './program.ts';

// A reader that has had enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await buildProgram(interruptSignal).parseAsync();
} catch (error) {
  const { line, code } = describeFailure(error);
  if (line !== '') process.stderr.write(`${line}\n`);
  if (process.env.OVERTONE_DEBUG === '1' && error instanceof Error && code !== 0)
    process.stderr.write(`${error.stack ?? ''}\n`);
  process.exitCode = code;
}
