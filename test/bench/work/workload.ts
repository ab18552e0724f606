// A small fixed workload of everything that computes, through the rooms' public interfaces: sampling, scoring, training.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, type Tokenizer } from '@overtone/language-model';
import { hostParameters, Sampler, TeacherForcing } from '@overtone/sampling';
import { createObjective, runTraining } from '@overtone/training';
import { LORA } from '../lora.ts';
import { PLAIN_ADAMW } from '../plain-adamw.ts';

/** A model, and what can be done with it. */
export interface Workload {
  /** `samples` samples of each of two prompts, `newTokens` tokens each. */
  sample(samples: number, newTokens: number): Promise<void>;
  /** Scores `texts` continuations of two prompts each. */
  score(texts: number): Promise<void>;
  /** Steps of training on two questions with `solutions` solutions each. */
  train(what: 'train-lora' | 'train-full', solutions: number, steps: number): Promise<void>;
  close(): Promise<void>;
}

const QUESTIONS = ['12 + 5 - 3 + 20 - 7', '8 - 3 + 41 + 9 - 30 + 2'];
/** Texts of different lengths. */
const solutionOf = (index: number): string =>
  `${Array.from({ length: 3 + (index % 4) }, (_, line) => `${10 + index} + ${line} = ${10 + index + line}\n`).join('')}\\boxed{${14 + index}}`;
const solutionsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => solutionOf(index));
const promptOf = (tokenizer: Tokenizer, question: string): number[] =>
  tokenizer.encodeChat([{ role: 'user', content: question }]);

async function train(
  model: string,
  threads: number,
  what: 'train-lora' | 'train-full',
  solutions: number,
  steps: number,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'overtone-workload-'));
  try {
    const dataset = join(folder, 'groups.jsonl');
    const groups = QUESTIONS.map((content, index) => ({
      id: String(index),
      messages: [{ role: 'user', content }],
      solutions: solutionsOf(solutions).map((text) => ({ text, score: 0 })),
    }));
    await writeFile(dataset, groups.map((group) => `${JSON.stringify(group)}\n`).join(''));
    const events = runTraining(
      {
        model,
        dataset,
        objective: createObjective({ type: 'sft', selection: 'all' }),
        lora:
          what === 'train-full'
            ? undefined
            : { r: LORA.r, alpha: LORA.alpha, targetModules: [...LORA.targetModules] },
        optimizer: { ...PLAIN_ADAMW, learningRate: 1e-5 },
        batching: { groupsPerStep: groups.length, steps: steps + 1 },
        seed: 1,
        maxLength: Infinity,
        snapshotEverySteps: 0,
      },
      { folder: join(folder, 'run'), checkpoints: { seconds: Infinity }, threads },
    );
    // One more is planned than is taken, since the last would write its weights.
    let taken = 0;
    for await (const { type } of events) if (type === 'step' && ++taken === steps) break;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loads a model folder. */
export async function openWorkload(folder: string, threads: number): Promise<Workload> {
  const { config, parameters, tokenizer } = await loadModel(folder);
  const weights = hostParameters(parameters);
  const opened: { dispose(): Promise<void> }[] = [];
  return {
    async sample(samples, newTokens) {
      const model = { config, eosTokenId: -1, padTokenId: tokenizer.padTokenId };
      const sampler = new Sampler(model, { slots: QUESTIONS.length * samples, threads });
      opened.push(sampler);
      const prompts = QUESTIONS.map((question) => ({ id: question, tokens: promptOf(tokenizer, question) }));
      const options = { samples, maxNewTokens: newTokens, temperature: 1, topP: 0.95, seed: 1 };
      for await (const _ of sampler.sample(weights, prompts, options));
    },
    async score(texts) {
      const scoring = new TeacherForcing(config, { threads });
      opened.push(scoring);
      const continuations = solutionsOf(texts).map((text) => tokenizer.encode(text));
      await scoring.score(
        weights,
        QUESTIONS.map((question) => ({ prompt: promptOf(tokenizer, question), continuations })),
      );
    },
    train: (what, solutions, steps) => train(folder, threads, what, solutions, steps),
    async close() {
      for (const one of opened) await one.dispose();
    },
  };
}
