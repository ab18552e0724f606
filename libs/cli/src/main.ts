#!/usr/bin/env node
// The command `overtone`. Nothing here loads gRPC: telemetry has to start before anything does.
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';
import { describeFailure, interruptSignal } from './process-end.ts';
import { buildProgram } from './program.ts';

// What this process, its services and their threads have compiled once is not compiled again; where nothing can be written, it is.
const compiled = fileURLToPath(new URL('../../../node_modules/.cache/compiled', import.meta.url));
process.env.NODE_COMPILE_CACHE ??= compiled;
enableCompileCache(process.env.NODE_COMPILE_CACHE);

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
