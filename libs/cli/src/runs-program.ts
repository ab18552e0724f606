// `overtone runs`, `show`, `compare` and `gc` in the command line: what deals with runs that have been.
import type { Command } from 'commander';
import type { CompareFlags } from './compare-command.ts';
import type { GcFlags } from './gc-command.ts';
import { exitCodes, examples, jsonOption } from './help-text.ts';
import { wholeNumber } from './whole-number.ts';

/** Adds the commands. */
export function addRunCommands(program: Command, signal: () => AbortSignal): void {
  program
    .command('runs')
    .description('List runs: state, start, what came of them, how long they took, how large they are.')
    .argument('[folder]', 'where to look, three folders deep', 'runs')
    .addOption(jsonOption())
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText(
      'after',
      examples(
        'overtone runs',
        'overtone runs experiments/july',
        `overtone runs --json | jq -r '.[] | select(.state == "done") | .path'`,
      ),
    )
    .action(async (folder: string, flags: { json: boolean }) => {
      const { runsCommand } = await import('./runs-command.ts');
      await runsCommand(folder, flags, signal());
    });

  program
    .command('show')
    .description(
      'Inspect a run: its stages, the artifacts of a stage, the rows of an artifact, or all that is known of a question. Works while the run does.',
    )
    .argument('<run>', 'the run folder')
    .argument(
      '[what]',
      'a stage; an artifact, by its label or the first digits of its hash; "questions"; or the id of a question',
    )
    .addOption(jsonOption('print as JSON; rows of an artifact, and questions, as JSON lines'))
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText(
      'after',
      examples(
        'overtone show runs/demo',
        'overtone show runs/demo train',
        "overtone show runs/demo 'sft/self-judge seed 1, hard' --json | jq -c 'select(.correct | not)'",
        'overtone show runs/demo questions | grep hard',
        'overtone show runs/demo chain-sum/8-1',
      ),
    )
    .action(async (run: string, what: string | undefined, flags: { json: boolean }) => {
      const { showCommand } = await import('./show-command.ts');
      await showCommand(run, what, flags, signal());
    });

  program
    .command('compare')
    .description(
      'Lay runs side by side: every arm with its interval, differences from the first run on the questions that both measured, and the settings that differ.',
    )
    .argument('<runs...>', 'two or more run folders; the first is what the others are compared with')
    .option('--out <file>', 'also write the comparison as a page, for example compare.html')
    .option('--seed <n>', 'seed of the bootstrap and of the permutation tests', wholeNumber(0), 0)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Differences are paired: a question's value is its mean over samples and seeds, and it counts where both runs measured it (same id, same
question, same answer). Where fewer than five were, the runs are not comparable, and the table says so.`,
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText(
      'after',
      examples(
        'overtone compare runs/base runs/longer',
        'overtone compare runs/one runs/two runs/three --out compare.html',
        `overtone compare runs/base runs/longer --json | jq '.arms[] | {name, gain: .cells[1].hard.difference.value}'`,
      ),
    )
    .action(async (runs: string[], flags: CompareFlags) => {
      if (runs.length < 2)
        program.error("error: missing required argument 'runs': give at least two run folders");
      const { compareCommand } = await import('./compare-command.ts');
      await compareCommand(runs, flags, signal());
    });

  program
    .command('gc')
    .description(
      'Free what runs need no more: artifacts that no run refers to, and the trainer’s working files of runs that are done. Asks first. Never touches a run that is at work, interrupted or killed, nor artifacts that lie outside of a run folder: those go with --store, and what the runs given refer to stays.',
    )
    .argument('[folders...]', 'run folders, or folders of runs; default: runs')
    .option('--dry-run', 'say what would be freed, and remove nothing', false)
    .option('-y, --yes', 'do not ask', false)
    .option(
      '--store <uri>',
      's3://bucket/prefix or file:///folder: free this store, which several runs share, of what none of the runs below the folders refers to; give all of its runs, and let none be at work',
    )
    .option('--older-than <hours>', 'with --store: what is younger stays', wholeNumber(0), 24)
    .addOption(jsonOption())
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText(
      'after',
      examples(
        'overtone gc --dry-run',
        'overtone gc runs/demo',
        'overtone gc --yes --json',
        'overtone gc runs --store s3://bucket/prefix --dry-run',
      ),
    )
    .action(async (folders: string[], flags: GcFlags) => {
      const { gcCommand } = await import('./gc-command.ts');
      await gcCommand(folders.length === 0 ? ['runs'] : folders, flags, signal());
    });
}
