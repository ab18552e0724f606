// `overtone model fetch`, `overtone model info`, `overtone export model`: what each command does.
import { writeSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '@overtone/experiment/prepare';
import {
  describeModel,
  exportModel,
  type FloatFormat,
  locateModel,
  ModelError,
  type LocatedModel,
} from '@overtone/language-model';
import { formatBytes } from './format-bytes.ts';

/** What is said on standard error while a model is fetched. */
function fetchProgress(): {
  onProgress: (progress: { bytes: number; total: number }) => void;
  end: () => void;
} {
  let told = 0;
  let shown = false;
  const interactive = process.stderr.isTTY === true;
  const interval = interactive ? 200 : 10_000;
  return {
    onProgress: ({ bytes, total }) => {
      const now = performance.now();
      if (bytes < total && now - told < interval) return;
      told = now;
      shown = true;
      const text = `fetching: ${formatBytes(bytes)} of ${formatBytes(total)}`;
      process.stderr.write(interactive ? `\r\x1b[K${text}` : `${text}\n`);
    },
    end: () => {
      if (shown && interactive) process.stderr.write('\n');
    },
  };
}

/** A model that cannot be used is something that the person who wrote the command can put right. */
function asInput(error: unknown): unknown {
  return error instanceof ModelError ? new InputError(error.message, { cause: error }) : error;
}

/** Finds a model and fetches it if need be, with progress on standard error. */
export async function fetchModel(reference: string, signal: AbortSignal): Promise<LocatedModel> {
  const progress = fetchProgress();
  try {
    return await locateModel(reference, { signal, onProgress: progress.onProgress });
  } catch (error) {
    throw asInput(error);
  } finally {
    progress.end();
  }
}

const say = (text: string): void => void writeSync(1, `${text}\n`);

/** `overtone model fetch`: prints the local path. */
export async function fetchCommand(reference: string, json: boolean, signal: AbortSignal): Promise<void> {
  const located = await fetchModel(reference, signal);
  say(json ? JSON.stringify(located) : located.path);
}

/** `overtone model info`: prints what a model is. */
export async function infoCommand(reference: string, json: boolean, signal: AbortSignal): Promise<void> {
  const { path, reference: pinned } = await fetchModel(reference, signal);
  const { config, parameters, dtypes, loadedBytes } = await describeModel(path).catch((error: unknown) => {
    throw asInput(error);
  });
  if (json) {
    say(JSON.stringify({ reference: pinned, path, parameters, dtypes, loadedBytes, config }));
    return;
  }
  const scaling = config.rope.type === 'default' ? '' : `, rotary scaling ${config.rope.type}`;
  say(`model         ${pinned}`);
  if (path !== pinned) say(`path          ${path}`);
  say(`architecture  ${config.architecture}, ${config.numHiddenLayers} layers of ${config.hiddenSize}`);
  say(`parameters    ${parameters.toLocaleString('en')} (${formatBytes(loadedBytes)} when loaded, float32)`);
  say(`weights       ${dtypes.join(', ')}`);
  say(`vocabulary    ${config.vocabSize.toLocaleString('en')} tokens`);
  say(`context       ${config.maxPositionEmbeddings.toLocaleString('en')} tokens${scaling}`);
}

/** Options of `overtone export model`. */
export interface ExportFlags {
  model: string;
  adapter?: string;
  out: string;
  dtype?: 'bf16' | 'f16' | 'f32';
  maxShardSize: number;
}

const FORMATS: Readonly<Record<'bf16' | 'f16' | 'f32', FloatFormat>> = {
  bf16: 'BF16',
  f16: 'F16',
  f32: 'F32',
};

/** `overtone export model`: prints the folder. */
export async function exportCommand(flags: ExportFlags, signal: AbortSignal): Promise<void> {
  const { path } = await fetchModel(flags.model, signal);
  try {
    await exportModel({
      model: path,
      adapter: flags.adapter,
      out: flags.out,
      dtype: flags.dtype && FORMATS[flags.dtype],
      maxShardBytes: flags.maxShardSize,
      signal,
    });
    if (flags.adapter !== undefined) {
      const { mergedCard } = await import('./merged-card.ts');
      await writeFile(join(flags.out, 'README.md'), await mergedCard(flags.model, flags.adapter));
    }
  } catch (error) {
    throw asInput(error);
  }
  say(flags.out);
}
