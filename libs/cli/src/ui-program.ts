// `overtone ui` in the command line: its options and help.
import type { Command } from 'commander';
import { wholeNumber } from './whole-number.ts';

/** Adds `ui`. */
export function addUiCommand(program: Command, signal: () => AbortSignal): void {
  program
    .command('ui')
    .description(
      'Follow runs live in a browser: progress, training curves, the arms as they are measured, the log, and the report in the end. It only reads; runs of other processes, interrupted and killed ones too. Ctrl-C ends it.',
    )
    .argument('[folder]', 'a run folder, or a folder with runs in it', 'runs')
    .option(
      '--host <address>',
      'address to listen on; other than this machine alone, anyone can read',
      '127.0.0.1',
    )
    .option(
      '--port <n>',
      'port to listen on; 0 is any that is free; default: 7410, or any that is free',
      wholeNumber(0),
    )
    .option('--json', 'print the address as JSON on standard output', false)
    .addHelpText(
      'after',
      '\nExamples:\n  overtone ui\n  overtone ui runs/demo\n  overtone ui runs --port 8080\n\nFrom another machine, through a tunnel:\n  ssh -L 7410:localhost:7410 cluster\n',
    )
    .addHelpText('after', '\nExit codes:\n  0 ended by Ctrl-C   2 bad input\n')
    .action(async (folder: string, flags: { host: string; port?: number; json: boolean }) => {
      const { serveUi } = await import('./ui-command.ts');
      await serveUi({
        folder,
        ...flags,
        signal: signal(),
        out: (text) => process.stdout.write(text),
        warn: (text) => process.stderr.write(text),
      });
    });
}
