// A small experiment on the shipped model, and a run of it through the command line, for tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../libs/cli/src/main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));

const experiment = (selfJudge: boolean): string => `
name: small
model: ${model}
engine: { threads: 1 }
task:
  kind: chain-sum
  train: { seed: 1, count: 24, terms: [2, 3], max: 9, nonNegative: true }
  easy: { seed: 2, count: 4, terms: [2, 3], max: 9, nonNegative: true }
  hard: { seed: 3, count: 8, terms: [6, 7], max: 20, nonNegative: true }
sampling: { samples: 4, maxNewTokens: 128, seed: 1, chunk: 8 }
judges:
  rubric: { backend: rubric }
${selfJudge ? '  self: { backend: generator, template: miniature }\n' : ''}audit: { judge: rubric }
signals:
  entropy: { method: inverse-entropy }
  external-judge: { method: bradley-terry, judge: rubric }
${selfJudge ? '  self-judge: { method: bradley-terry, judge: self }\n' : ''}objectives:
  sft: { type: sft, steps: 20, groupsPerStep: 4, optimizer: { learningRate: 5.0e-4 } }
  dpo: { type: dpo, steps: 12, groupsPerStep: 4, optimizer: { learningRate: 3.0e-4 } }
arms:
  - { signal: entropy, objective: sft }
  - { signal: external-judge, objective: dpo, rounds: 2 }
evaluation: { samples: 4, maxNewTokens: 128, seed: 2 }
`;

/** Writes the experiment into a folder; `selfJudge`: the model is asked for its own judgments too. */
export async function writeExperiment(folder: string, { selfJudge = false } = {}): Promise<void> {
  await writeFile(join(folder, 'experiment.yaml'), experiment(selfJudge));
}

/** A run under way. */
export interface Run {
  readonly process: ChildProcess;
  /** Resolves when a line of progress matches. */
  readonly sees: (pattern: RegExp) => Promise<void>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

/** Starts the experiment in `folder`, or continues it, with its run folder at `out` there; `environment` beyond this process's own. */
export function startRun(folder: string, out: string, environment: NodeJS.ProcessEnv = {}): Run {
  const process_ = spawn(
    process.execPath,
    [cli, 'run', join(folder, 'experiment.yaml'), '--out', join(folder, out)],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    },
  );
  const lines: string[] = [];
  const waiting: { pattern: RegExp; resolve: () => void }[] = [];
  createInterface(process_.stderr).on('line', (line) => {
    lines.push(line);
    for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve();
  });
  return {
    process: process_,
    sees: (pattern) =>
      new Promise((resolve, reject) => {
        if (lines.some((line) => pattern.test(line))) resolve();
        waiting.push({ pattern, resolve });
        process_.once('exit', () =>
          reject(new Error(`the run ended before ${pattern}:\n${lines.join('\n')}`)),
        );
      }),
    ended: once(process_, 'exit').then(([code]: (number | null)[]) => code ?? null),
  };
}
