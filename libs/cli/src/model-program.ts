// The commands on models in the command line: their options and help.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ExportFlags } from './model-commands.ts';
import { addExportDataset, addExportRun } from './export-program.ts';
import { examples, exitCodes } from './help-text.ts';

const REFERENCE =
  'a model folder, a .gguf file, or a model on the hub: owner/name, owner/name@revision, owner/name/file.gguf';

/** Adds `model fetch`, `model info`, `export model`, `export dataset`, `export results` and `export adapter`. */
export function addModelCommands(program: Command, signal: () => AbortSignal): void {
  const json = (): Option =>
    new Option('--json', 'print the result as JSON on standard output').default(false);
  const model = program.command('model').description('Models: where they are, and what they are.');
  model
    .command('fetch')
    .description('Fetch a model from the hub into the cache, and print its local path.')
    .argument('<model>', REFERENCE)
    .addOption(json())
    .addHelpText(
      'after',
      `
Environment:
  HF_TOKEN                token for gated and private models
  HF_HOME, HF_HUB_CACHE   where the cache is; default ~/.cache/huggingface/hub
  HF_ENDPOINT             another hub
  HF_HUB_OFFLINE=1        use the cache alone

Examples:
  overtone model fetch Qwen/Qwen3-1.7B-Base
  overtone model fetch owner/name@v1.0
`,
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'interrupted'))
    .action(async (reference: string, flags: { json: boolean }) => {
      const { fetchCommand } = await import('./model-commands.ts');
      await fetchCommand(reference, flags.json, signal());
    });
  model
    .command('info')
    .description('Print the architecture, size, formats and context length of a model.')
    .argument('<model>', REFERENCE)
    .addOption(json())
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'interrupted'))
    .addHelpText(
      'after',
      examples('overtone model info Qwen/Qwen3-1.7B-Base', 'overtone model info models/base.gguf --json'),
    )
    .action(async (reference: string, flags: { json: boolean }) => {
      const { infoCommand } = await import('./model-commands.ts');
      await infoCommand(reference, flags.json, signal());
    });

  const exported = program.command('export').description('Write models and data sets for other programs.');
  addExportDataset(exported, signal);
  addExportRun(exported, signal);
  exported
    .command('model')
    .description('Merge an adapter into its model, as a full checkpoint in Hugging Face layout.')
    .requiredOption('--model <model>', REFERENCE)
    .option('--adapter <folder>', 'the adapter, in the format of PEFT; without one, the model is converted')
    .requiredOption('--out <folder>', 'model folder to write; it must be empty or absent')
    .addOption(
      new Option('--dtype <format>', "format of the weights; default: the base model's own").choices([
        'bf16',
        'f16',
        'f32',
      ]),
    )
    .option('--max-shard-size <size>', 'split the weights into files of at most this size', byteSize, 5e9)
    .addHelpText(
      'after',
      `
Examples:
  overtone export model --model Qwen/Qwen3-1.7B-Base --adapter adapter --out merged
  overtone export model --model model.gguf --out converted --dtype bf16
`,
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput', 'interrupted'))
    .action(async (flags: ExportFlags) => {
      const { exportCommand } = await import('./model-commands.ts');
      await exportCommand(flags, signal());
    });
}

function byteSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)B?$/i.exec(text.trim());
  const power = ['', 'K', 'M', 'G', 'T'].indexOf((match?.[2] ?? '').toUpperCase());
  const bytes = Math.floor(Number(match?.[1]) * 1000 ** power);
  if (!(bytes >= 1)) throw new InvalidArgumentError('expected a size, for example 5GB or 500MB.');
  return bytes;
}
