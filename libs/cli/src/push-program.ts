// `overtone push` in the command line: its options and help.
import { type Command, Option } from 'commander';
import type { PushFlags } from './push-command.ts';
import { wholeNumber } from './whole-number.ts';

/** Adds `push`. */
export function addPushCommand(program: Command, signal: () => AbortSignal): void {
  program
    .command('push')
    .description(
      'Upload an adapter with its card, the results as a data set, or the report as a page, to the Hugging Face hub. What is to be uploaded is listed first, with sizes. The same command again uploads only what has changed.',
    )
    .argument('<run>', 'a run folder')
    .addOption(
      new Option('--repo <owner/name>', 'repository; created where there is none').makeOptionMandatory(),
    )
    .addOption(
      new Option(
        '--what <part>',
        'adapter: a model; dataset: a data set of Parquet tables; report: a static space',
      )
        .choices(['adapter', 'dataset', 'report'])
        .default('adapter'),
    )
    .addOption(new Option('--arm <name>', 'whose adapter, where the run has several arms'))
    .addOption(new Option('--seed <n>', 'of which training; default: the first').argParser(wholeNumber(0)))
    .option('--private', 'make the repository private where it is created', false)
    .option('--dry-run', 'list what would be uploaded, with sizes; needs no token and no network', false)
    .option('--json', 'print the result as JSON on standard output', false)
    .addHelpText(
      'after',
      `
Environment:
  HF_TOKEN      token that may write; it is read from here alone, and is never printed
  HF_ENDPOINT   another hub

Exit codes:
  0  uploaded, or everything was there
  2  the run or an option is not as expected, there is no token, or the hub refuses
  1  anything else

Examples:
  overtone push runs/demo --repo owner/name --arm sft/self-judge --dry-run
  overtone push runs/demo --repo owner/name --arm sft/self-judge --private
  overtone push runs/demo --repo owner/name-results --what dataset
  overtone push runs/demo --repo owner/name-report --what report
`,
    )
    .action(async (run: string, flags: PushFlags) => {
      const { pushCommand } = await import('./push-command.ts');
      await pushCommand(run, flags, signal());
    });
}
