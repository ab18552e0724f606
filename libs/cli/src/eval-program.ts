// `overtone eval` in the command line: its options and help.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '@overtone/experiment/input-error';
import type { SplitName } from '@overtone/experiment/prepare';
import { startTelemetry, stopTelemetry } from './telemetry.ts';
import { wholeNumber } from './whole-number.ts';

/** The options of `eval`. */
export interface EvalFlags {
  readonly model?: string;
  readonly adapter: readonly string[];
  readonly against: readonly string[];
  readonly split?: readonly SplitName[];
  readonly limit?: number;
  readonly prompt?: string;
  readonly samples?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly maxNewTokens?: number;
  readonly seed?: number;
  readonly stop?: readonly string[];
  readonly k?: readonly number[];
  readonly bootstrapSeed?: number;
  readonly generator?: string;
  readonly store?: string;
  readonly out?: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Adds `eval`. */
export function addEvalCommand(program: Command, signal: () => AbortSignal): void {
  program
    .command('eval')
    .description(
      'Measure a model, with or without adapters, on any questions: accuracy with intervals, and paired tests against another. Nothing is trained. The same command continues what was interrupted; what was sampled before costs nothing.',
    )
    .argument(
      '<task>',
      "an experiment (.yaml), a task (.yaml, or '{kind: chain-sum, …}'), a .jsonl or .parquet file of questions, gsm8k, or a folder with GSM8K's test.jsonl",
    )
    .option(
      '--model <model>',
      "a folder, a .gguf file, owner/name on the hub, or miniature; default: the experiment's",
    )
    .addOption(
      several(
        '--adapter <[name=]adapter>',
        'measure the model with it: a folder in the format of PEFT, owner/name on the hub, or the SHA-256 of an artifact; may be repeated',
      ),
    )
    .addOption(
      several(
        '--against <system>',
        'compare with: base, an adapter, a model, model+adapter, or the .jsonl of an earlier eval (file.jsonl#name); may be repeated; none compares nothing',
        'base, where there are adapters',
      ),
    )
    .addOption(
      new Option(
        '--split <split>',
        'of an experiment: train, development, easy or hard; may be repeated; default: easy and hard',
      ).argParser((text: string, earlier: SplitName[] | undefined) => [...(earlier ?? []), splitName(text)]),
    )
    .option('--limit <n>', 'only the first n questions', wholeNumber(1))
    .option('--prompt <text>', 'the text around "{question}"; default: the task\'s')
    .option('--samples <n>', "samples of each question; default: the experiment's, else 8", wholeNumber(1))
    .option('--temperature <t>', "default: the experiment's, else 0.6; 0 is greedy", number(0))
    .option('--top-p <p>', "default: the experiment's, else 0.95", number(Number.MIN_VALUE, 1))
    .option('--max-new-tokens <n>', "default: the experiment's, else 256", wholeNumber(1))
    .addOption(several('--stop <text>', 'a text that ends a sample; may be repeated', 'none'))
    .option('--seed <n>', "of the samples; default: the experiment's, else 0", wholeNumber(0))
    .option(
      '--bootstrap-seed <n>',
      "of intervals and tests; default: the experiment's, else 0",
      wholeNumber(0),
    )
    .addOption(
      new Option('--k <list>', 'the ks of pass@k and maj@k, for example 1,4,8').argParser(numberList),
    )
    .option(
      '--generator <where>',
      "host:port of a running generator, or '{backend: openai, baseUrl: …}'; default: one is started here",
    )
    .option(
      '--store <folder>',
      "where samples are kept, in <folder>/artifacts; a run folder finds the run's; default: --out where it is a folder, else runs/eval",
    )
    .option(
      '--out <path>',
      'a .jsonl for the results (a question a line, with its completions and verdicts), or a folder for results.jsonl and evaluation.json',
    )
    .option(
      '--dry-run',
      'say what would be sampled and how much memory it would take, and write nothing',
      false,
    )
    .option('--json', 'print the result as JSON on standard output', false)
    .addHelpText(
      'after',
      `
Exit codes:
  0 measured   1 failed; the same command continues   2 bad input   130 interrupted; the same command continues

Examples:
  overtone eval '{kind: chain-sum, seed: 5, count: 60, terms: [8, 8], max: 50, nonNegative: true}' --model miniature
  overtone eval questions.jsonl --model Qwen/Qwen3-0.6B --adapter adapters/first --out first.jsonl
  overtone eval questions.jsonl --model Qwen/Qwen3-0.6B --adapter adapters/second --against first.jsonl#first
  overtone eval gsm8k --limit 200 --model Qwen/Qwen3-0.6B --samples 16 --k 1,4,16 --dry-run
  overtone eval experiment.yaml --store runs/first --adapter ours=adapters/first --adapter theirs=adapters/trl
`,
    )
    .action(async (task: string, flags: EvalFlags) => {
      const { checkEvaluation } = await import('./eval-check.ts');
      const interrupt = signal();
      const checked = await checkEvaluation(task, flags, interrupt);
      if (flags.dryRun) {
        const { evalDryRun } = await import('./eval-dry-run.ts');
        await evalDryRun(checked, flags.json);
        return;
      }
      const folder = checked.workshop;
      // The first of the folders that are not there yet.
      const made = makeFolder(folder);
      await startTelemetry(join(folder, 'eval'));
      let refused = false;
      try {
        const { evalCommand } = await import('./eval-command.ts');
        await evalCommand(checked, flags, interrupt);
      } catch (error) {
        refused = error instanceof InputError;
        throw error;
      } finally {
        await stopTelemetry();
        if (refused && made !== undefined) rmSync(made, { recursive: true, force: true });
      }
    });
}

function makeFolder(folder: string): string | undefined {
  try {
    return mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new InputError(`--store: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function several(flag: string, meaning: string, none = 'none'): Option {
  return new Option(flag, meaning)
    .argParser((text: string, earlier: string[]) => [...earlier, text])
    .default([] as string[], none);
}

const SPLITS = ['train', 'development', 'easy', 'hard'] as const;

function splitName(text: string): SplitName {
  const split = SPLITS.find((name) => name === text);
  if (split === undefined) throw new InvalidArgumentError(`expected ${SPLITS.join(', ')}.`);
  return split;
}

function number(least: number, most = Infinity): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= least && value <= most && value < Infinity))
      throw new InvalidArgumentError(
        `expected a number ${most === Infinity ? `of at least ${least}` : `in (0, ${most}]`}.`,
      );
    return value;
  };
}

function numberList(text: string): number[] {
  const whole = wholeNumber(1);
  return [...new Set(text.split(',').map((part) => whole(part.trim())))].sort((a, b) => a - b);
}
