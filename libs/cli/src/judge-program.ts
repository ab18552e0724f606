// `overtone judge` in the command line: its options and help.
import { type Command, Option } from 'commander';
import type { JudgeFlags } from './judge-command.ts';
import { wholeNumber } from './whole-number.ts';

/** Adds `judge`. */
export function addJudgeCommand(program: Command, signal: () => AbortSignal): void {
  program
    .command('judge')
    .description(
      'Judge solutions from anywhere, without training anything: every pair in both orders, as a JSONL of verdicts that "overtone signals" reads. A verdict is paid for once: the same command continues, and a repeated one costs nothing.',
    )
    .argument(
      '<questions>',
      'JSONL, one question a line: {"id", "question", "solutions": [{"text", …}]}; further fields are kept',
    )
    .addOption(
      new Option(
        '--judge <judge>',
        'a backend (rubric, generator), or {keys of `judges` in an experiment file}, with name= before it; may be repeated',
      )
        .argParser((text: string, earlier: string[] | undefined) => [...(earlier ?? []), text])
        .makeOptionMandatory(),
    )
    .option('--out <file>', 'the verdicts; default: standard output')
    .option(
      '--store <folder>',
      'where verdicts that were paid for are kept; default: <out or questions>.store',
    )
    .option(
      '--model <model>',
      'the model that judges with backend generator: a folder, a .gguf file, or owner/name',
    )
    .addOption(
      new Option('--plan <plan>', "how pairs are chosen; default: the judge's, else all-pairs").choices([
        'all-pairs',
        'swiss',
        'sorting',
        'active',
      ]),
    )
    .option('--max-pairs <n>', 'most pairs of a question', wholeNumber(1))
    .option('--calls <n>', 'budget: most comparisons of each judge, each order one', wholeNumber(0))
    .option('--tokens <n>', 'budget: most tokens of each judge', wholeNumber(0))
    .option('--json', 'print the statistics as JSON, on standard output where --out is given', false)
    .addHelpText(
      'after',
      `
Environment:
  OVERTONE_JUDGE_API_KEY, OVERTONE_JUDGE_API_KEY_FILE   key of a judge with backend openai

Exit codes:
  0 judged   1 failed   2 bad input   75 a judge stayed down: the same command continues

Examples:
  overtone judge solutions.jsonl --judge rubric --out verdicts.jsonl
  overtone judge solutions.jsonl --judge 'self={backend: generator, template: miniature}' --model libs/miniature/model
  overtone judge solutions.jsonl --out verdicts.jsonl --plan active --calls 2000 \\
    --judge 'strong={backend: openai, baseUrl: https://api.openai.com/v1, model: some-model}'
  overtone judge solutions.jsonl --judge 'priced={backend: openai, baseUrl: http://localhost:8000/v1,
    budget: {currency: {amount: 5, promptPerMillion: 0.4, completionPerMillion: 1.6}}}'
  overtone judge solutions.jsonl --judge 'mine={backend: address, address: localhost:50051}'
`,
    )
    .action(async (questions: string, flags: JudgeFlags) => {
      const { judgeCommand } = await import('./judge-command.ts');
      await judgeCommand(questions, flags, signal());
    });
}
