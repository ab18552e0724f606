// What help texts have in common: examples, exit codes, --json.
import { Option } from 'commander';
import { EXIT } from './process-end.ts';

/** What the exit codes of the command mean, by their names. */
const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  failure: 'failed; the message says why',
  badInput: 'bad input: a file, a folder or an option is not as expected; nothing was started',
  judgeDown: 'a judge stayed down: the same command continues',
  interrupted: 'interrupted: the same command continues',
};

/** A section of a help text with the exit codes that a command can have. */
export function exitCodes(...names: readonly (keyof typeof EXIT)[]): string {
  const lines = names.map((name) => `  ${String(EXIT[name]).padEnd(3)}  ${EXIT_MEANINGS[name]}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}

/** A section of a help text with examples. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** `--json`. */
export function jsonOption(what = 'print the result as JSON on standard output'): Option {
  return new Option('--json', what).default(false);
}
