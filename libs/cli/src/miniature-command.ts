// `overtone miniature build`: a corpus, a trainer, and a base model at the end.
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type ArtifactRef, type openStore } from '@overtone/artifacts';
import { Schedule, SftSelection, type TrainingSpec } from '@overtone/contracts';
import { InputError, type Progress } from '@overtone/experiment';
import {
  corpusDocuments,
  documentTokens,
  type Style,
  type Wording,
  worldRecipe,
  writeModelFolderFiles,
} from '@overtone/miniature';
import { inTrainingWorkshop } from './training-workshop.ts';

/** Options of the command; what is absent is as in the default world. */
export interface BuildWorldOptions {
  out: string;
  seed: number;
  styles?: Partial<Record<Style, number>>;
  wording?: Wording;
  judgeShare?: number;
  labelNoise?: number;
  tokens?: number;
  tokensPerStep?: number;
  learningRate?: number;
  width?: number;
  layers?: number;
  /** Threads of the trainer. */
  threads: number;
  json: boolean;
}

const HEAD_SIZE = 32;
/** The feed-forward layer is this many times as wide as the model. */
const FEED_FORWARD_RATIO = 3;

/** Builds the model in `workshop` and moves it to `out`. */
export async function buildWorld(
  options: BuildWorldOptions,
  workshop: string,
  interrupt: AbortSignal,
): Promise<void> {
  const out = resolve(options.out);
  await mkdir(join(workshop, 'logs'), { recursive: true });
  const steps = await inTrainingWorkshop(
    workshop,
    { span: 'overtone.miniature.build', attributes: { 'overtone.seed': options.seed }, interrupt },
    async ({ progress, store, train }) => {
      const seedFolder = join(workshop, 'model');
      await writeSeedFolder(seedFolder, options);
      const corpus = await progress
        .stage('corpus', 'tokens')
        .run(() => writeCorpus(store, options, progress));
      const { job, weights } = await train(pretrainingSpec(seedFolder, corpus, options), {
        threads: options.threads,
      });
      await assemble(seedFolder, weights, out);
      return job.steps;
    },
  );
  const result = { model: out, seed: options.seed, steps };
  process.stdout.write(
    options.json ? `${JSON.stringify(result)}\n` : `Model: ${out} (seed ${options.seed}, ${steps} steps)\n`,
  );
}

/** The files of a model without weights, in the size that was asked for. */
async function writeSeedFolder(folder: string, { width, layers }: BuildWorldOptions): Promise<void> {
  await writeModelFolderFiles(folder);
  const path = join(folder, 'config.json');
  const config: unknown = JSON.parse(await readFile(path, 'utf8'));
  if (typeof config !== 'object' || config === null) throw new Error(`${path} holds no configuration`);
  const sized = {
    ...config,
    ...(layers === undefined ? {} : { num_hidden_layers: layers }),
    ...(width === undefined
      ? {}
      : {
          hidden_size: width,
          num_attention_heads: width / HEAD_SIZE,
          intermediate_size: width * FEED_FORWARD_RATIO,
        }),
  };
  await writeFile(path, `${JSON.stringify(sized, null, 2)}\n`);
}

/** Writes the corpus in the trainer's form: one group a document, with one solution. */
async function writeCorpus(
  store: ReturnType<typeof openStore>,
  options: BuildWorldOptions,
  progress: Progress,
): Promise<ArtifactRef> {
  const budget = options.tokens ?? worldRecipe.pretraining.tokens;
  const stage = progress.stage('corpus', 'tokens');
  stage.expect(budget);
  let tokens = 0;
  let told = 0;
  const { seed, styles, wording, judgeShare, labelNoise } = options;
  const source = corpus({ seed, tokens: budget, styles, wording, judgeShare, labelNoise });
  const rows = function* () {
    for (const { id, messages, completion } of source) {
      tokens += documentTokens(messages.map(({ content }) => content).join(''), completion);
      if (tokens - told >= 50_000) {
        stage.advance(Math.min(tokens, budget) - told);
        told = tokens;
      }
      yield { id, messages, solutions: [{ text: completion, score: 0 }] };
    }
    stage.advance(Math.max(0, budget - told));
  };
  return store.writeJsonl(rows(), 'application/jsonl');
}

function corpus(options: Parameters<typeof corpusDocuments>[0]) {
  try {
    return corpusDocuments(options);
  } catch (error) {
    throw error instanceof RangeError ? new InputError(error.message, { cause: error }) : error;
  }
}

/** One pass over the corpus. */
function pretrainingSpec(model: string, corpus: ArtifactRef, options: BuildWorldOptions): TrainingSpec {
  const recipe = worldRecipe.pretraining;
  return {
    model,
    initializeSeed: options.seed,
    dataset: corpus,
    objective: { $case: 'sft', value: { selection: SftSelection.SFT_SELECTION_ALL } },
    lora: undefined,
    optimizer: {
      learningRate: options.learningRate ?? recipe.learningRate,
      warmupRatio: recipe.warmupRatio,
      schedule: Schedule.SCHEDULE_WARMUP_STABLE_DECAY,
      weightDecay: recipe.weightDecay,
      maxGradNorm: recipe.maxGradNorm,
      beta1: recipe.beta1,
      beta2: recipe.beta2,
    },
    // One pass, in the order of the corpus, which is random already.
    steps: 0,
    groupsPerStep: 0,
    tokensPerStep: options.tokensPerStep ?? recipe.tokensPerStep,
    seed: options.seed,
    snapshotEverySteps: 0,
    maxLength: 512,
  };
}

/** Puts configuration, tokenizer and weights together, so that `out` is there whole or not at all. */
async function assemble(seedFolder: string, weights: string, out: string): Promise<void> {
  const assembling = `${out}.assembling`;
  await rm(assembling, { recursive: true, force: true });
  await cp(seedFolder, assembling, { recursive: true });
  await cp(weights, assembling, { recursive: true, force: true });
  // The store's files are read-only, and a copy keeps that; the model belongs to whoever built it.
  for (const file of await readdir(assembling)) await chmod(join(assembling, file), 0o644);
  await rm(out, { recursive: true, force: true });
  await rename(assembling, out);
}
