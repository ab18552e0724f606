// The command line of `overtone`: its commands, their options and help.
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type ExperimentOverrides,
  InputError,
  loadExperiment,
  mustBeFetched,
  prepareRun,
} from '@overtone/experiment/prepare';
import type { BuildWorldOptions } from './miniature-command.ts';
import { addEvalCommand } from './eval-program.ts';
import { addJudgeCommand } from './judge-program.ts';
import { addModelCommands } from './model-program.ts';
import { quicken } from './quick.ts';
import { addSignalsCommand } from './signals-program.ts';
import { startTelemetry, stopTelemetry } from './telemetry.ts';
import { addTrainCommand } from './train-program.ts';
import { wholeNumber } from './whole-number.ts';

/** The recipe of the demo. */
const MINIATURE = fileURLToPath(import.meta.resolve('@overtone/experiment/recipes/miniature.yaml'));

interface RunFlags {
  out: string;
  seeds?: number;
  model?: string;
  force: boolean;
  json: boolean;
  dryRun?: boolean;
}

/** The command line. `signal` aborts when the person at the keyboard interrupts. */
export function buildProgram(signal: () => AbortSignal): Command {
  const program = new Command('overtone')
    .description(
      'Learns from saturated questions: samples solutions, finds out which of the correct ones are better, checks that verdict, trains on it, and measures what that bought.',
    )
    .exitOverride()
    .configureOutput({
      outputError: (text, write) =>
        write(
          `overtone: ${text
            .replace(/^error: /, '')
            .replace(/\s+/g, ' ')
            .trim()}\n`,
        ),
    });

  program
    .command('demo')
    .description(
      'Reproduce the finding in miniature: a tiny model, real training, a few minutes on two cores.',
    )
    .addOption(outOption('run folder').default('runs/demo'))
    .addOption(seedsOption())
    .addOption(modelOption())
    .option(
      '--quick',
      'far fewer questions and steps: shows that everything runs, its numbers mean nothing',
      false,
    )
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'overtone demo',
        'overtone demo --out runs/one-seed --seeds 1',
        'overtone demo --model worlds/two --out runs/two',
        'overtone demo --quick --json',
      ),
    )
    .action(async (flags: RunFlags & { quick: boolean }) => {
      await runFile(MINIATURE, flags, signal(), flags.quick ? { seeds: 1, adjust: quicken } : {});
    });

  program
    .command('run')
    .description('Run an experiment. The same command continues a run that was interrupted or killed.')
    .argument('<experiment>', 'the experiment file, YAML')
    .addOption(outOption('run folder; needed unless --dry-run'))
    .addOption(seedsOption())
    .addOption(modelOption())
    .addOption(forceOption())
    .option('--dry-run', 'say what would be done and how much memory it would take, and write nothing', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'overtone run experiment.yaml --out runs/first',
        'overtone run experiment.yaml --dry-run',
        'overtone run experiment.yaml --out runs/first --seeds 1',
      ),
    )
    .addHelpText(
      'after',
      '\nExit codes:\n  0 done   1 failed   2 bad input   75 a judge stayed down: the same command continues   130 interrupted\n',
    )
    .action(async (file: string, { out, ...flags }: Omit<RunFlags, 'out'> & { out?: string }) => {
      if (out === undefined && flags.dryRun !== true)
        throw new InputError('"run" needs --out <folder>, or --dry-run');
      await runFile(file, { ...flags, out: out ?? '' }, signal());
    });

  addTrainCommand(program, signal);
  addEvalCommand(program, signal);
  addMiniatureCommands(program, signal);
  addModelCommands(program, signal);
  addJudgeCommand(program, signal);
  addSignalsCommand(program, signal);

  program
    .command('doctor')
    .description(
      'Say what this machine can compute on, why not on the rest, and the command that would enable it. Exit code 0 when the CPU works, else 2.',
    )
    .addOption(jsonOption())
    .action(async ({ json }: { json: boolean }) => {
      const { doctorCommand } = await import('./doctor.ts');
      process.exitCode = await doctorCommand(json, signal());
    });
  return program;
}

async function runFile(
  file: string,
  flags: RunFlags,
  signal: AbortSignal,
  overrides: ExperimentOverrides = {},
): Promise<void> {
  const { seeds, model } = flags;
  const experiment = loadExperiment(file, {
    ...overrides,
    ...(seeds === undefined ? {} : { seeds }),
    ...(model === undefined ? {} : { model }),
  });
  if (flags.dryRun === true) {
    const { dryRun } = await import('./dry-run.ts');
    await dryRun(experiment, flags.json);
    return;
  }
  if (mustBeFetched(experiment)) {
    const { fetchModel } = await import('./model-commands.ts');
    // With its commit, so that every process opens the same model, and none has to ask the hub again.
    experiment.model = (await fetchModel(experiment.model, signal)).reference;
  }
  const { engine, services } = experiment;
  if (engine !== undefined && (services.generator === undefined || services.trainer === undefined)) {
    const { requireDevice } = await import('@overtone/tensor/devices');
    await requireDevice(engine.device, `${file}: engine.device`).catch((error: unknown) => {
      throw new InputError(error instanceof Error ? error.message : String(error));
    });
  }
  const prepared = await prepareRun(experiment, flags);
  await startTelemetry(prepared.folder.path);
  const { run } = await import('./run-command.ts');
  let refused = false;
  try {
    await run(prepared, { json: flags.json, signal });
  } catch (error) {
    refused = error instanceof InputError;
    throw error;
  } finally {
    await stopTelemetry();
    if (refused) prepared.folder.discard();
  }
}

function addMiniatureCommands(program: Command, signal: () => AbortSignal): void {
  const miniature = program
    .command('miniature')
    .description('The embedded default world: a tiny base model and its corpus.');
  miniature
    .command('build')
    .description(
      'Pre-train a base model from scratch on a synthetic corpus, with the trainer of this project. Other seeds and proportions make other worlds. The same command continues a build that was interrupted.',
    )
    .addOption(outOption('model folder to write').makeOptionMandatory())
    .option(
      '--seed <n>',
      'seed of the corpus, the initial weights and the order of the data',
      wholeNumber(0),
      1,
    )
    .option(
      '--styles <list>',
      'proportions of the styles, for example steps=.2,direct=.1; those left out keep their default',
      proportions,
    )
    .addOption(
      new Option(
        '--wording <kind>',
        'loose: informal styles open with random phrases; fixed: templates everywhere',
      ).choices(['loose', 'fixed']),
    )
    .option('--judge-share <share>', 'share of judging documents in the corpus', share)
    .option('--label-noise <share>', 'share of flipped labels among the judging documents', share)
    .option('--tokens <n>', 'training budget, tokens, for example 12e6', wholeNumber(1))
    .option('--tokens-per-step <n>', 'tokens a step, about', wholeNumber(1))
    .option('--learning-rate <rate>', 'peak learning rate', positive)
    .option('--width <n>', 'hidden size', wholeNumber(1))
    .option('--layers <n>', 'layers', wholeNumber(1))
    .option('--threads <n>', 'threads of the trainer', wholeNumber(1), 2)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'overtone miniature build --out worlds/two --seed 2',
        'overtone miniature build --out worlds/fixed --wording fixed',
        'overtone miniature build --out worlds/deaf --label-noise 0.4 --judge-share 0.04',
      ),
    )
    .action(async (flags: BuildWorldOptions) => {
      const { clearWorkshop, prepareBuild } = await import('./miniature-files.ts');
      const workshop = prepareBuild(flags);
      await startTelemetry(workshop);
      const { buildWorld } = await import('./miniature-command.ts');
      let finished = false;
      try {
        await buildWorld(flags, workshop, signal());
        finished = true;
      } catch (error) {
        finished = error instanceof InputError;
        throw error;
      } finally {
        await stopTelemetry();
        if (finished) clearWorkshop(workshop);
      }
    });
}

function outOption(what: string): Option {
  return new Option('--out <folder>', what);
}

function seedsOption(): Option {
  return new Option('--seeds <n>', 'train every arm with this many seeds').argParser(wholeNumber(1));
}

function modelOption(): Option {
  return new Option(
    '--model <model>',
    "another model than the experiment's: a folder, for example a world of your own, a .gguf file, or owner/name on the hub",
  );
}

function forceOption(): Option {
  return new Option(
    '--force',
    'replace a run of another configuration in the same folder; results that both share are kept',
  ).default(false);
}

function jsonOption(): Option {
  return new Option('--json', 'print the result as JSON on standard output').default(false);
}

function examples(...lines: string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError('expected a share in [0, 1].');
  return value;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('expected a positive number.');
  return value;
}

const STYLES = ['steps', 'plan', 'check', 'regroup', 'terse', 'direct'] as const;
type StyleName = (typeof STYLES)[number];

function proportions(text: string): Partial<Record<StyleName, number>> {
  const parsed: Partial<Record<StyleName, number>> = {};
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=');
    const style = STYLES.find((candidate) => candidate === name.trim());
    const proportion = Number(value);
    if (style === undefined || value.trim() === '' || !(proportion >= 0 && proportion < Infinity))
      throw new InvalidArgumentError(
        `expected a list such as steps=.2,direct=.1; the styles are ${STYLES.join(', ')}.`,
      );
    parsed[style] = proportion;
  }
  return parsed;
}
