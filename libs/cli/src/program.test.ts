import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionScript } from './completion.ts';
import { buildProgram } from './program.ts';
import { SUMMARIES } from './summaries.ts';

const program = buildProgram(() => new AbortController().signal);
/** Commands that do something, by their paths. */
const leaves = (command: Command, path = ''): [string, Command][] =>
  command.commands.length === 0
    ? [[path, command]]
    : command.commands.flatMap((each) => leaves(each, `${path} ${each.name()}`.trim()));

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

describe('help', () => {
  it.each(leaves(program))('of %s has examples and exit codes', (path, command) => {
    const text = helpOf(command);
    expect(text).toMatch(new RegExp(`Examples?:[^]*overtone ${path}`));
    expect(text).toMatch(/Exit codes:\n {2}0 /);
  });

  it('of the program has a line for every command, and fits a terminal', () => {
    expect(program.commands.map((each) => each.name()).sort()).toEqual(Object.keys(SUMMARIES).sort());
    const text = helpOf(program);
    for (const name of Object.keys(SUMMARIES)) expect(text).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'));
    for (const code of ['0', '1', '2', '75', '130']) expect(text).toMatch(new RegExp(`^ {2}${code} +`, 'm'));
  });
});

describe('completion', () => {
  it('of bash completes commands, options, choices, files and runs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'overtone-completion-'));
    mkdirSync(join(folder, 'runs', 'mine'), { recursive: true });
    writeFileSync(join(folder, 'runs', 'mine', 'manifest.json'), '{}');
    writeFileSync(join(folder, 'mine.yaml'), '');
    const script = `${completionScript(program, 'bash')}
t() { COMP_WORDS=(overtone "$@"); COMP_CWORD=$#; _overtone 2>/dev/null; echo "\${COMPREPLY[*]}"; }
t comp; t model ''; t run --w; t init --task ''; t show ''; t show runs/mine tr; t run mi; t run mine.yaml --out ''`;
    const lines = execFileSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8' })
      .trimEnd()
      .split('\n');
    expect(lines).toEqual([
      'compare completion',
      expect.stringContaining('fetch'),
      '--watch',
      'chain-sum gsm8k jsonl parquet',
      'runs/mine',
      'train',
      'mine.yaml',
      'runs/mine',
    ]);
  });

  it.each(['zsh', 'fish'] as const)('of %s knows every command and option', (shell) => {
    const script = completionScript(program, shell);
    for (const [path, command] of leaves(program)) {
      expect(script).toContain(path.split(' ').at(-1));
      for (const { long } of command.options) expect(script).toContain(long?.slice(2));
    }
  });
});
