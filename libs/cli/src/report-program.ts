// `overtone report` in the command line: its options and help.
import { type Command, Option } from 'commander';

/** Adds `report`. */
export function addReportCommand(program: Command): void {
  program
    .command('report')
    .description(
      'Make the page of a run anew from its folder: report.json, the artifacts, the traces. Nothing is computed, and no service is started.',
    )
    .argument('<run>', 'the folder of a run that has come to its end')
    .addOption(new Option('--out <file>', 'where to write the page. Default: report.html in the folder'))
    .addOption(new Option('--json', 'print path and size as JSON on standard output').default(false))
    .addHelpText(
      'after',
      `
Exit codes:
  0  the page was written
  2  the folder holds no run, or one without a report
  1  anything else

Examples:
  overtone report runs/demo
  overtone report runs/demo --out /tmp/page.html
`,
    )
    .action(async (run: string, { out, json }: { out?: string; json: boolean }) => {
      const { rebuildPage } = await import('@overtone/experiment/page');
      const page = await rebuildPage(run, out);
      process.stdout.write(
        json
          ? `${JSON.stringify(page, null, 2)}\n`
          : `Report: ${page.path} (${(page.bytes / 1e6).toFixed(1)} MB)\n`,
      );
    });
}
