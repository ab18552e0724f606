// How the command ends: one clear line and an exit code.
import { CommanderError } from 'commander';

/** Exit codes of the command. 75, "try again later", is a judge that stayed down: the same command continues. */
export const EXIT = { ok: 0, failure: 1, badInput: 2, judgeDown: 75, interrupted: 130 } as const;

/** Thrown, by way of an abort signal, when the person at the keyboard wants to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** What to print for an error, and the exit code. */
export function describeFailure(error: unknown): { line: string; code: number } {
  if (error instanceof CommanderError)
    return { line: '', code: error.exitCode === 0 ? EXIT.ok : EXIT.badInput };
  if (error instanceof Interrupted)
    return { line: 'interrupted; the same command continues where it stopped', code: EXIT.interrupted };
  const message = error instanceof Error ? error.message : String(error);
  const line = `overtone: ${message.replace(/\s+/g, ' ').trim()}`;
  // By name: the class lives in a module that this one must not load before telemetry has started.
  const badInput = error instanceof Error && error.name === 'InputError';
  const judgeDown = error instanceof Error && error.name === 'JudgeDown';
  return { line, code: badInput ? EXIT.badInput : judgeDown ? EXIT.judgeDown : EXIT.failure };
}

/** A signal that aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted);
      process.stderr.write('\nstopping; once more to stop at once\n');
      controller.abort(new Interrupted('interrupted'));
    });
  }
  return controller.signal;
}
