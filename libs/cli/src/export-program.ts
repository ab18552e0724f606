// `overtone export dataset`, `results` and `adapter` in the command line: their options and help.
import { type Command, Option } from 'commander';
import type { ExportDatasetFlags } from './export-command.ts';
import type { ExportResultsFlags } from './export-results.ts';
import type { ExportAdapterFlags } from './export-adapter.ts';
import { wholeNumber } from './whole-number.ts';

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

const outOption = (): Option => new Option('--out <folder>', 'folder to write').makeOptionMandatory();
const forceOption = (): Option =>
  new Option('--force', 'write into a folder that is not empty').default(false);
const jsonOption = (): Option =>
  new Option('--json', 'print what was written as JSON on standard output').default(false);

const EXIT_CODES = `
Exit codes:
  0  written
  2  the folder or an option is not as expected, or there is nothing to write yet
  1  anything else
`;

/** Adds `results` and `adapter` to `export`. */
export function addExportRun(exported: Command, signal: () => AbortSignal): void {
  exported
    .command('results')
    .description(
      'Write what a run has sampled, scored, judged and measured as tables that `datasets`, pandas and DuckDB read: questions, samples, scores, verdicts, completions, evaluations, arms, signals. A README.md says what each column is.',
    )
    .argument('<run>', 'a run folder, also one that is still at work')
    .addOption(
      new Option('--format <format>', 'of the files').choices(['parquet', 'jsonl']).default('parquet'),
    )
    .addOption(outOption())
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${EXIT_CODES}
Examples:
  overtone export results runs/demo --out exports/demo
  overtone export results runs/demo --out exports/demo-jsonl --format jsonl
  duckdb -c "SELECT arm, split, avg_at_k, p_holm FROM 'exports/demo/arms.parquet'"
`,
    )
    .action(async (run: string, flags: ExportResultsFlags) => {
      const { exportResults } = await import('./export-results.ts');
      await exportResults(run, flags, signal());
    });
  exported
    .command('adapter')
    .description(
      "Write an adapter of a run in PEFT's format, with a model card: how it was trained, on which signal, and what it was measured to be worth.",
    )
    .argument('<run>', 'a run folder')
    .addOption(
      new Option('--arm <name>', "whose, where the run has several arms; for example 'dpo/self-judge'"),
    )
    .addOption(new Option('--seed <n>', 'of which training; default: the first').argParser(wholeNumber(0)))
    .addOption(outOption())
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `${EXIT_CODES}
Example:
  overtone export adapter runs/demo --arm sft/self-judge --seed 1 --out adapters/self-judge
`,
    )
    .action(async (run: string, flags: ExportAdapterFlags) => {
      const { exportAdapter } = await import('./export-adapter.ts');
      await exportAdapter(run, flags, signal());
    });
}
