// `overtone export dataset` in the command line: its options and help.
import { type Command, Option } from 'commander';
import type { ExportDatasetFlags } from './export-command.ts';

/** Adds `dataset` to `export`. */
export function addExportDataset(exported: Command, signal: () => AbortSignal): void {
  exported
    .command('dataset')
    .description(
      'Write the scored solutions of a run as data sets for another trainer: preferences (DPO), desirable and undesirable solutions (KTO), and the best solutions (SFT), each as JSONL and as Parquet. Nothing is trained, and no service is started.',
    )
    .argument('<path>', "a run folder, or a trainer's data set, a JSONL file with one scored group a line")
    .addOption(
      new Option('--format <format>', 'whose format').choices(['trl']).default('trl', 'trl, conversational'),
    )
    .addOption(new Option('--out <folder>', 'folder to write').makeOptionMandatory())
    .addOption(new Option('--signal <name>', "whose scores, where the run's arms have several signals"))
    .addOption(new Option('--force', 'write into a folder that is not empty').default(false))
    .addOption(new Option('--json', 'print what was written as JSON on standard output').default(false))
    .addHelpText(
      'after',
      `
A line of the file:
  {"id": "q1", "messages": [{"role": "user", "content": "12 + 5 - 3"}],
   "solutions": [{"text": "12 + 5 = 17, 17 - 3 = 14", "score": 1.2}, {"text": "14", "score": -0.3}]}

Exit codes:
  0  written
  2  the file, the folder or an option is not as expected, or there is no preference in the data
  1  anything else

Examples:
  overtone export dataset runs/demo --signal self-judge --out exports/self-judge
  overtone export dataset groups.jsonl --format trl --out exports/groups
`,
    )
    .action(async (path: string, flags: ExportDatasetFlags) => {
      const { exportDataset } = await import('./export-command.ts');
      await exportDataset(path, flags, signal());
    });
}
