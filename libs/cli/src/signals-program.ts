// `overtone signals` in the command line: its options and help.
import { type Command, Option } from 'commander';
import type { SignalsFlags } from './signals-command.ts';

/** Adds `signals`. */
export function addSignalsCommand(program: Command, signal: () => AbortSignal): void {
  program
    .command('signals')
    .description(
      'Say how far signals can be trusted, and whether to train on them: of a run, also one that is still at work, or of solutions and verdicts from elsewhere. Nothing is trained, and no service is started.',
    )
    .argument('<path>', 'a run folder, or a JSONL file with one question a line; - reads standard input')
    .addOption(
      new Option(
        '--audit <judge>',
        'which judge in the JSONL file is the stronger one that the others are held against',
      ),
    )
    .addOption(new Option('--html <file>', 'also write the cards as a page'))
    .addOption(new Option('--json', 'print the result as JSON on standard output').default(false))
    .addHelpText(
      'after',
      `
A line of the file (what \`overtone judge\` writes):
  {"id": "q1", "question": "12 + 5 - 3",
   "solutions": [{"text": "12 + 5 = 17, 17 - 3 = 14", "meanEntropy": 0.21, "tokens": 14}, {"text": "14", "meanEntropy": 0.64, "tokens": 2}],
   "verdicts": {"self": [{"i": 0, "j": 1, "forward": 0.9, "backward": 0.7}], "strong": [{"i": 0, "j": 1, "forward": 1, "backward": 1}]}}
  i and j are places in "solutions", i < j; forward and backward are the probability that i is better when it is shown first and when j
  is; leave out what was unreadable. Of a solution, only "text" must be there; "meanEntropy", "topEntropy" and "meanLogprob" make signals
  of their own; a question with a solution that is "correct": false is left out.

Exit codes:
  0  the cards were made, whatever they recommend
  2  the file, the folder or an option is not as expected; the message names line and field
  1  anything else

Examples:
  overtone signals runs/demo
  overtone signals verdicts.jsonl --audit strong --html cards.html
  overtone signals verdicts.jsonl --audit strong --json
`,
    )
    .action(async (path: string, flags: SignalsFlags) => {
      const { signalsCommand } = await import('./signals-command.ts');
      await signalsCommand(path, flags, signal());
    });
}
