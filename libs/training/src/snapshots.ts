// The weights that a run leaves behind: folders in PEFT's or Hugging Face's layout, under their final names only when complete.
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type DecoderConfig,
  type LoraConfig,
  loraShapes,
  parameterSpecs,
  readDecoderConfig,
  writeAdapter,
  writeModel,
} from '@overtone/language-model';
import { Checkpoints } from './checkpoints.ts';
import { type Layout, layoutOf, splitVector } from './layout.ts';
import { type GoodState } from './training-state.ts';

/** What is written. */
export interface SnapshotOptions {
  /** The model that was trained, whose configuration and tokenizer a snapshot of all parameters takes over. */
  readonly model: string;
  /** What an adapter records as its base model. Default: `model`. */
  readonly baseModel?: string | undefined;
  readonly lora?: LoraConfig | undefined;
}

/** Weights after a number of steps. */
export interface Snapshot {
  readonly step: number;
  readonly folder: string;
}

/** The trained parameters' places: the adapter's, or all of the model's. */
export function trainedLayout(config: DecoderConfig, lora: LoraConfig | undefined): Layout {
  return layoutOf(
    lora
      ? loraShapes(config, lora)
      : [...parameterSpecs(config)].map(([name, { shape }]) => [name, shape] as const),
  );
}

const snapshotFolder = (run: string, step: number): string => join(run, 'snapshots', `step-${step}`);

/** The snapshots that were complete when an earlier run was interrupted, up to a step; later ones will be written again. */
export async function earlierSnapshots(run: string, step: number): Promise<Snapshot[]> {
  const names = await readdir(join(run, 'snapshots')).catch(() => []);
  return names
    .map((name) => Number(/^step-(\d+)$/.exec(name)?.[1] ?? NaN))
    .filter((at) => at <= step)
    .sort((a, b) => a - b)
    .map((at) => ({ step: at, folder: snapshotFolder(run, at) }));
}

/** Writes the snapshot of a state into a run's folder. */
export async function writeSnapshot(
  options: SnapshotOptions,
  layout: Layout,
  state: GoodState,
  run: string,
): Promise<Snapshot> {
  const folder = snapshotFolder(run, state.step);
  await writeWeights(options, layout, state, folder);
  return { step: state.step, folder };
}

/**
 * Writes the weights of a run's last checkpoint, for a run that ended early; undefined when there is none. They lie beside the
 * snapshots, so that a run that continues leaves the same snapshots as one that never ended.
 */
export async function writeLastWeights(options: SnapshotOptions, run: string): Promise<Snapshot | undefined> {
  const layout = trainedLayout(await readDecoderConfig(options.model), options.lora);
  const state = await new Checkpoints(run).latest(layout.size);
  if (!state || state.step === 0) return undefined;
  const folder = join(run, 'last');
  await writeWeights(options, layout, state, folder);
  return { step: state.step, folder };
}

async function writeWeights(
  { model, baseModel = model, lora }: SnapshotOptions,
  layout: Layout,
  state: GoodState,
  folder: string,
): Promise<void> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  const parameters = splitVector(layout, state.theta);
  if (lora) await writeAdapter(partial, { lora, parameters }, baseModel);
  else await writeModel(partial, model, parameters);
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
}
