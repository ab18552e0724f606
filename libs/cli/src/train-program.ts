// `overtone train` in the command line: its options and help.
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '@overtone/experiment/input-error';
import type { Setting } from '@overtone/experiment/prepare';
import { startTelemetry, stopTelemetry } from './telemetry.ts';
import { wholeNumber } from './whole-number.ts';

/** The options of `train`. */
export interface TrainFlags {
  readonly model: string;
  readonly out?: string;
  /** YAML file of the objective and its training settings. */
  readonly config?: string;
  /** Settings, which go before the file. */
  readonly set: readonly Setting[];
  readonly seed: number;
  readonly threads: number;
  /** Of the frozen weights. */
  readonly precision: 'float32' | 'int8';
  /** host:port of a running trainer. */
  readonly trainer?: string;
  /** The artifact store of that trainer. */
  readonly artifacts?: string;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Flags that are short for a setting. */
const SHORTHANDS = [
  ['--objective <type>', 'type', 'sft, dpo, rrhf, simpo, orpo, kto, plackett-luce or grpo'],
  ['--learning-rate <rate>', 'optimizer.learningRate', 'peak learning rate'],
  ['--steps <n>', 'steps', 'optimiser steps; one pass over the data without it and without --config'],
  ['--groups-per-step <n>', 'groupsPerStep', 'groups a step; 8 without it and without --config'],
  ['--micro-batches <n>', 'microBatches', "runs that a step's groups are spread over, to save memory"],
  ['--max-length <n>', 'maxLength', 'longest sequence, tokens'],
] as const;

/** Adds `train`. */
export function addTrainCommand(program: Command, signal: () => AbortSignal): void {
  const command = program
    .command('train')
    .description(
      'Train an adapter on groups of scored solutions: the objective alone, without an experiment around it. The same command continues a training that was interrupted or killed.',
    )
    .argument(
      '<dataset>',
      'JSONL, one group a line: {"id", "messages": [{"role", "content"}], "solutions": [{"text", "score"}]}',
    )
    .requiredOption('--model <model>', 'a folder, a .gguf file, or owner/name on the hub')
    .option('--out <folder>', 'where the adapter goes, in the format of PEFT; needed unless --dry-run')
    .option('--config <file>', 'YAML with the keys of one of `objectives` in an experiment file');
  for (const [flags, , meaning] of SHORTHANDS) command.option(flags, meaning);
  command
    .addOption(
      new Option('--set <key=value>', 'any other key, for example lora.r=8; may be repeated')
        .argParser((text: string, earlier: Setting[]) => [...earlier, setting(text)])
        .default([] as Setting[], 'none'),
    )
    .option(
      '--seed <n>',
      'seed of the adapter, of the order of the data and of random selection',
      wholeNumber(0),
      1,
    )
    .option(
      '--threads <n>',
      'threads within an operator; other numbers change the last bits',
      wholeNumber(1),
      1,
    )
    .addOption(
      new Option('--precision <name>', 'of the frozen weights: int8 takes a quarter of their memory')
        .choices(['float32', 'int8'])
        .default('float32'),
    )
    .option('--trainer <address>', 'host:port of a running trainer, instead of one that is started here')
    .option('--artifacts <uri>', 'with --trainer: the store that it was started with')
    .option(
      '--dry-run',
      'check the data, say how many steps and how much memory and time, and write nothing',
      false,
    )
    .option('--json', 'print the result as JSON on standard output', false)
    .addHelpText(
      'after',
      `
Exit codes:
  0 trained   1 failed; the same command continues from the last checkpoint   2 bad input   130 interrupted

Examples:
  overtone train groups.jsonl --model libs/miniature/model --objective dpo --learning-rate 1e-3 --dry-run
  overtone train groups.jsonl --model Qwen/Qwen3-0.6B --config dpo.yaml --out adapters/first
  overtone train groups.jsonl --model models/base --objective sft --learning-rate 2e-4 --set lora.r=8 --out adapters/sft
`,
    )
    .action(async (dataset: string, given: TrainFlags & Readonly<Record<string, unknown>>) => {
      const short = SHORTHANDS.flatMap(([flag, key]): Setting[] => {
        const value = given[camel(flag)];
        return typeof value === 'string' ? [[key, value]] : [];
      });
      const flags = { ...given, set: [...short, ...given.set] };
      if (flags.out === undefined && !flags.dryRun)
        throw new InputError('"train" needs --out <folder>, or --dry-run');
      if (flags.config === undefined && !flags.set.some(([key]) => key === 'type'))
        throw new InputError('"train" needs --objective <type>, or --config <file>');
      const { checkTraining, forecastTraining, renderForecast } = await import('./train-check.ts');
      const interrupt = signal();
      const checked = await checkTraining(dataset, flags, interrupt);
      if (flags.dryRun) {
        const forecast = await forecastTraining(checked, flags, interrupt);
        process.stdout.write(
          flags.json ? `${JSON.stringify(forecast, null, 2)}\n` : renderForecast(forecast),
        );
        return;
      }
      // Beside the adapter until it is there; what an interrupted training has left is found again.
      const workshop = `${resolve(flags.out ?? '')}.training`;
      const { FolderInUse, FolderLock } = await import('@overtone/artifacts');
      const lost = new AbortController();
      const lock = await FolderLock.take(join(workshop, 'train.lock'), {
        onLost: (error) => lost.abort(error),
        signal: interrupt,
      }).catch((error: unknown) => {
        throw error instanceof FolderInUse ? new InputError(error.message, { cause: error }) : error;
      });
      try {
        await startTelemetry(workshop);
        const { trainCommand } = await import('./train-command.ts');
        await trainCommand(checked, dataset, workshop, flags, AbortSignal.any([interrupt, lost.signal]));
      } finally {
        await stopTelemetry();
        lock.release();
      }
      await rm(workshop, { recursive: true, force: true });
    });
}

/** The property that commander gives to "--learning-rate <rate>". */
function camel(flag: string): string {
  return (flag.split(' ')[0] ?? '').slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function setting(text: string): Setting {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected key=value, for example optimizer.schedule=linear.');
  return [text.slice(0, at), text.slice(at + 1)];
}
