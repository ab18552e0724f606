// `overtone init` and `overtone completion` in the command line: what one does first.
import { Argument, type Command, Option } from 'commander';
import { exitCodes, examples } from './help-text.ts';
import type { InitFlags } from './init-command.ts';

/** Adds `init`. */
export function addInitCommand(program: Command): void {
  program
    .command('init')
    .description(
      'Write a commented experiment file that runs as it is: every key with its unit and default. For chain-sum, with the model that is shipped.',
    )
    .argument('[file]', 'the file to write; - prints it', 'experiment.yaml')
    .addOption(
      new Option('--task <kind>', 'where questions come from')
        .choices(['chain-sum', 'gsm8k', 'jsonl', 'parquet'])
        .default('chain-sum'),
    )
    .option('--model <model>', 'a model folder, a .gguf file, or owner/name on the hub')
    .option('--force', 'replace a file that is there', false)
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText(
      'after',
      examples(
        'overtone init',
        'overtone init mine.yaml --task jsonl --model Qwen/Qwen3-1.7B-Base',
        'overtone init - --task gsm8k | less',
      ),
    )
    .action(async (file: string, flags: InitFlags) => {
      const { initCommand } = await import('./init-command.ts');
      initCommand(file, flags);
    });
}

/** Adds `completion`, which completes all commands that the program has in the end. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('Print a script that makes a shell complete commands, options, files and runs.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
To have it in every new shell:
  bash   overtone completion bash > ~/.local/share/bash-completion/completions/overtone
  zsh    overtone completion zsh > "\${fpath[1]}/_overtone"
  fish   overtone completion fish > ~/.config/fish/completions/overtone.fish`,
    )
    .addHelpText('after', exitCodes('ok', 'failure', 'badInput'))
    .addHelpText('after', examples('source <(overtone completion bash)', 'overtone completion fish | source'))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion.ts');
      process.stdout.write(completionScript(program, shell));
    });
}
