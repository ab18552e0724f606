// A model with an adapter merged into it, as a full checkpoint that any program reads.
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { checkAdapter, readAdapter, type Adapter } from './adapter.ts';
import { type FloatFormat, isFloatFormat } from './float-formats.ts';
import { loraParameter, mergeLora } from './lora.ts';
import { ModelError } from './model-error.ts';
import { readDecoderConfig, writeCompanions } from './model-files.ts';
import { writeCheckpoint } from './safetensors-writer.ts';
import { reason, type NamedTensor, type TensorFile } from './tensor-file.ts';
import { checkWeights, openWeights } from './weights.ts';

/** What to export, and how. */
export interface ExportOptions {
  /** The base model's folder or GGUF file. */
  readonly model: string;
  /** The adapter's folder; absent: the base model alone is written. */
  readonly adapter?: string;
  /** The folder to write; it must be empty or absent. */
  readonly out: string;
  /** Default: the format of the base model's weights, bf16 for quantised ones. */
  readonly dtype?: FloatFormat;
  readonly maxShardBytes?: number;
  readonly signal?: AbortSignal;
  /** Called after each tensor. */
  readonly onTensor?: (done: number, total: number) => void;
}

/** The format of the matrices on disk. */
function formatOf(weights: TensorFile): FloatFormat {
  const dtype = weights.entries.get('model.embed_tokens.weight')?.dtype;
  return isFloatFormat(dtype) ? dtype : 'BF16';
}

/** A tensor of the base model, with its adapter's product added. */
function merged(name: string, tensor: NamedTensor, adapter: Adapter | undefined): NamedTensor {
  if (!adapter || !name.endsWith('.weight')) return tensor;
  const module = name.slice(0, -'.weight'.length);
  const parts = (['A', 'B'] as const).flatMap((matrix) => {
    const part = loraParameter(module, matrix);
    const found = adapter.parameters.get(part);
    return found ? [[part, found] as const] : [];
  });
  if (parts.length === 0) return tensor;
  return mergeLora(new Map([[name, tensor]]), adapter.lora, new Map(parts)).get(name) ?? tensor;
}

async function refuseFull(out: string): Promise<void> {
  const files = await readdir(out).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new ModelError(`${out}: cannot be written to: ${reason(error)}`, { cause: error });
  });
  if (files.length > 0) throw new ModelError(`${out}: is not empty; name a new folder for the model`);
}

/**
 * Merges an adapter into a model and writes the result, tensor by tensor: besides the adapter, only the tensor at hand is in
 * memory. The folder appears under its name when it is whole; nothing is left of it otherwise.
 *
 * @throws {ModelError} if the folder is not empty, the adapter does not belong to the model, or the disk is full.
 */
export async function exportModel(options: ExportOptions): Promise<void> {
  const { model, signal } = options;
  const out = resolve(options.out);
  await refuseFull(out);
  const config = await readDecoderConfig(model);
  const adapter = options.adapter === undefined ? undefined : await readAdapter(options.adapter);
  if (adapter && options.adapter !== undefined) checkAdapter(config, adapter, options.adapter);
  const weights = await openWeights(model);
  const assembling = `${out}.${process.pid}.partial`;
  try {
    const shapes = checkWeights(config, weights);
    const dtype = options.dtype ?? formatOf(weights);
    await mkdir(dirname(out), { recursive: true });
    await writeCompanions(assembling, model, dtype);
    let done = 0;
    const read = async (name: string): Promise<NamedTensor> => {
      const tensor = merged(name, await weights.read(name, signal), adapter);
      options.onTensor?.(++done, shapes.size);
      return tensor;
    };
    await writeCheckpoint(
      assembling,
      { shapes, read },
      { dtype, signal, maxShardBytes: options.maxShardBytes },
    );
    // An empty folder gives way; one that was filled meanwhile does not.
    await rmdir(out).catch(() => undefined);
    await rename(assembling, out);
  } catch (cause) {
    await rm(assembling, { recursive: true, force: true });
    if (signal?.aborted) throw cause;
    if (cause instanceof ModelError)
      throw new ModelError(cause.message.replaceAll(assembling, out), { cause });
    throw new ModelError(`${out}: cannot be written: ${reason(cause)}`, { cause });
  } finally {
    await weights.close();
  }
}
