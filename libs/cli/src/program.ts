// The command line of `overtone`: its commands, their options and help.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '@overtone/experiment/input-error';
import type { ExperimentFile, ExperimentOverrides } from '@overtone/experiment/prepare';
import type { BuildWorldOptions } from './miniature-command.ts';
import { addEvalCommand } from './eval-program.ts';
import { addJudgeCommand } from './judge-program.ts';
import { examples, exitCodes, jsonOption } from './help-text.ts';
import { addCompletionCommand, addInitCommand } from './init-program.ts';
import { addModelCommands } from './model-program.ts';
import { addPushCommand } from './push-program.ts';
import { quicken } from './quick.ts';
import { addRunCommands } from './runs-program.ts';
import { addReportCommand } from './report-program.ts';
import { atAddresses, serviceOption, type ServiceAddresses } from './service-addresses.ts';
import { working } from './sign-of-life.ts';
import { addSignalsCommand } from './signals-program.ts';
import { summarise } from './summaries.ts';
import { startTelemetry, stopTelemetry } from './telemetry.ts';
import { addTrainCommand } from './train-program.ts';
import { addUiCommand } from './ui-program.ts';
import { wholeNumber } from './whole-number.ts';

/** The recipe of the demo. */
const MINIATURE = fileURLToPath(import.meta.resolve('@overtone/experiment/recipes/miniature.yaml'));

const VERSION = readVersion();

interface RunFlags {
  out: string;
  seeds?: number;
  model?: string;
  force: boolean;
  json: boolean;
  dryRun?: boolean;
  watch?: boolean;
  service?: ServiceAddresses;
}

/** The command line. `signal` aborts when the person at the keyboard interrupts. */
export function buildProgram(signal: () => AbortSignal): Command {
  const program = new Command('overtone')
    .description(
      'Learns from saturated questions: samples solutions, finds out which of the correct ones are better, checks that verdict, trains on it, and measures what that bought.',
    )
    .version(VERSION, '-V, --version', 'print the version')
    .addHelpText(
      'after',
      examples(
        'overtone demo                                 the finding in miniature, in a few minutes',
        'overtone init mine.yaml                       an experiment of your own',
        'overtone plan mine.yaml                       what it would do and take',
        'overtone run mine.yaml --out runs/mine',
        'overtone compare runs/mine runs/other',
      ),
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'judgeDown', 'interrupted'))
    .addHelpText('after', '\nOVERTONE_DEBUG=1 prints where an error came from.')
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
    .addOption(serviceOption())
    .option(
      '--quick',
      'far fewer questions and steps: shows that everything runs, its numbers mean nothing',
      false,
    )
    .addOption(forceOption())
    .addOption(watchOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'overtone demo',
        'overtone demo --out runs/one-seed --seeds 1',
        'overtone demo --model worlds/two --out runs/two',
        'overtone demo --quick --json',
        'overtone demo --service generator=host:50051 --service trainer=host:50052 --service artifacts=file:///shared',
      ),
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'interrupted'))
    .action(async (flags: RunFlags & { quick: boolean }) => {
      await runFile(MINIATURE, flags, signal(), flags.quick ? { seeds: 1, adjust: quicken } : {});
    });

  addInitCommand(program);

  program
    .command('run')
    .description('Run an experiment. The same command continues a run that was interrupted or killed.')
    .argument('<experiment>', 'the experiment file, YAML')
    .addOption(outOption('run folder; needed unless --dry-run'))
    .addOption(seedsOption())
    .addOption(modelOption())
    .addOption(serviceOption())
    .addOption(forceOption())
    .addOption(watchOption())
    .option(
      '--dry-run',
      'say what would be done, what is there already, and what memory, time and money it would take; writes nothing',
      false,
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'overtone run experiment.yaml --out runs/first',
        'overtone run experiment.yaml --dry-run',
        'overtone run experiment.yaml --out runs/first --seeds 1 --watch',
      ),
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'judgeDown', 'interrupted'))
    .action(async (file: string, { out, ...flags }: Omit<RunFlags, 'out'> & { out?: string }) => {
      if (out === undefined && flags.dryRun !== true)
        throw new InputError('"run" needs --out <folder>, or --dry-run');
      await runFile(file, { ...flags, out: out ?? '' }, signal());
    });

  program
    .command('plan')
    .description(
      'Say what an experiment would do before anything is spent: questions, calls, tokens, memory, time, and what is there already. The same as run --dry-run; writes nothing.',
    )
    .argument('<experiment>', 'the experiment file, YAML')
    .addOption(outOption('run folder: what it holds already need not be done'))
    .addOption(seedsOption())
    .addOption(modelOption())
    .addOption(serviceOption())
    .addOption(jsonOption())
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText(
      'after',
      examples(
        'overtone plan experiment.yaml',
        'overtone plan experiment.yaml --out runs/first',
        `overtone plan experiment.yaml --json | jq '.left.comparisons'`,
      ),
    )
    .action(
      async (
        file: string,
        { out, ...flags }: Pick<RunFlags, 'seeds' | 'model' | 'json' | 'service'> & { out?: string },
      ) => {
        await runFile(file, { ...flags, out: out ?? '', force: false, dryRun: true }, signal());
      },
    );

  addRunCommands(program, signal);
  addTrainCommand(program, signal);
  addEvalCommand(program, signal);
  addMiniatureCommands(program, signal);
  addModelCommands(program, signal);
  addJudgeCommand(program, signal);
  addSignalsCommand(program, signal);
  addPushCommand(program, signal);
  addReportCommand(program);
  addUiCommand(program, signal);

  program
    .command('doctor')
    .description(
      'Say what this machine can compute on, why not on the rest, and the command that would enable it. Exit code 0 when the CPU works, else 2.',
    )
    .addOption(jsonOption())
    .addHelpText('after', '\nExit codes:\n  0    the CPU works\n  2    it does not, and everything needs it')
    .addHelpText(
      'after',
      examples('overtone doctor', `overtone doctor --json | jq '.devices[] | {name, works}'`),
    )
    .action(async ({ json }: { json: boolean }) => {
      const { doctorCommand } = await import('./doctor.ts');
      process.exitCode = await doctorCommand(json, signal());
    });
  addCompletionCommand(program);
  summarise(program);
  return program;
}

async function runFile(
  file: string,
  flags: RunFlags,
  signal: AbortSignal,
  overrides: ExperimentOverrides = {},
): Promise<void> {
  const { loadExperiment, mustBeFetched, prepareRun } = await import('@overtone/experiment/prepare');
  const { seeds, model, service } = flags;
  const { adjust = (file: ExperimentFile) => file } = overrides;
  const experiment = loadExperiment(file, {
    ...overrides,
    ...(service === undefined ? {} : { adjust: (read) => atAddresses(service)(adjust(read)) }),
    ...(seeds === undefined ? {} : { seeds }),
    ...(model === undefined ? {} : { model }),
  });
  if (flags.dryRun === true) {
    const { dryRun } = await import('./dry-run.ts');
    await dryRun(experiment, flags.json, { out: flags.out === '' ? undefined : flags.out, signal });
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
  const sign = working();
  sign.say('starting');
  const prepared = await prepareRun(experiment, flags).finally(sign.done);
  sign.say('starting');
  await startTelemetry(prepared.folder.path);
  const { run } = await import('./run-command.ts').finally(sign.done);
  let refused = false;
  try {
    await run(prepared, { json: flags.json, watch: flags.watch === true, signal });
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
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'interrupted'))
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

function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
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

function watchOption(): Option {
  return new Option('--watch', 'show the whole run on one screen while it runs; on a terminal').default(
    false,
  );
}

function forceOption(): Option {
  return new Option(
    '--force',
    'replace a run of another configuration in the same folder; results that both share are kept',
  ).default(false);
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
