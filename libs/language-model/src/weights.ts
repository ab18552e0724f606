// A model's weights as one set of tensors, whatever files they are in; each is read when it is asked for.
import { join } from 'node:path';
import { type DecoderConfig } from './config.ts';
import { isJsonObject, readJson } from './config-values.ts';
import { GgufModel } from './gguf/model.ts';
import { filesIn, ggufOf, INDEX_FILE } from './model-files.ts';
import { ModelError } from './model-error.ts';
import { parameterSpecs } from './parameters.ts';
import { openSafetensors } from './safetensors.ts';
import { type NamedTensor, type TensorEntry, type TensorFile } from './tensor-file.ts';

/** Several files as one. */
class Shards implements TensorFile {
  readonly path: string;
  readonly entries: ReadonlyMap<string, TensorEntry>;
  readonly #files: readonly TensorFile[];
  readonly #owners: ReadonlyMap<string, TensorFile>;

  constructor(path: string, files: readonly TensorFile[]) {
    this.path = path;
    this.#files = files;
    const owners = new Map<string, TensorFile>();
    const entries = new Map<string, TensorEntry>();
    for (const file of files) {
      for (const [name, entry] of file.entries) {
        const other = owners.get(name);
        if (other) throw new ModelError(`${file.path}: tensor ${name} is in ${other.path} as well`);
        owners.set(name, file);
        entries.set(name, entry);
      }
    }
    this.#owners = owners;
    this.entries = entries;
  }

  async read(
    name: string,
    signal?: AbortSignal,
    floats?: (count: number) => Float32Array,
  ): Promise<NamedTensor> {
    const owner = this.#owners.get(name);
    if (!owner) throw new ModelError(`${this.path}: has no tensor ${name}`);
    return owner.read(name, signal, floats);
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

/** Which file holds which tensor, as the index of a sharded checkpoint says. */
async function readWeightMap(folder: string): Promise<Map<string, string>> {
  const path = join(folder, INDEX_FILE);
  const index = await readJson(path);
  const weights = isJsonObject(index) ? index['weight_map'] : undefined;
  if (!isJsonObject(weights)) throw new ModelError(`${path}: has no weight_map`);
  const map = new Map<string, string>();
  for (const [name, file] of Object.entries(weights)) {
    if (typeof file !== 'string' || !/^[^/\\]+\.safetensors$/.test(file))
      throw new ModelError(
        `${path}: tensor ${name} is said to be in ${JSON.stringify(file)}, which is no shard`,
      );
    map.set(name, file);
  }
  return map;
}

/**
 * The safetensors files of a model folder: those of its index, or `model*.safetensors`.
 *
 * @throws {ModelError} if there are none, or the index names one that is missing.
 */
export async function weightFiles(folder: string): Promise<string[]> {
  const files = await filesIn(folder);
  if (files.includes(INDEX_FILE)) {
    const named = [...new Set((await readWeightMap(folder)).values())].sort();
    const missing = named.find((file) => !files.includes(file));
    if (missing !== undefined) {
      throw new ModelError(
        `${join(folder, missing)}: is missing, ${INDEX_FILE} names it; fetch the model again`,
      );
    }
    return named;
  }
  const found = files.filter((file) => /^model.*\.safetensors$/.test(file));
  if (found.length > 0) return found;
  const unsafe = files.filter((file) => /\.(bin|pt|pth|ckpt|h5|msgpack)$/.test(file));
  throw new ModelError(
    `${folder}: no *.safetensors file; a model folder holds config.json, tokenizer.json, tokenizer_config.json and its weights` +
      (unsafe.length === 0
        ? ''
        : `; ${unsafe.join(', ')}: formats that can execute code are not read, convert them to safetensors`),
  );
}

async function checkIndex(folder: string, files: readonly TensorFile[]): Promise<void> {
  for (const [name, file] of await readWeightMap(folder)) {
    const owner = files.find(({ path }) => path === join(folder, file));
    if (!owner?.entries.has(name))
      throw new ModelError(
        `${join(folder, file)}: has no tensor ${name}, ${INDEX_FILE} says that it is there`,
      );
  }
}

/**
 * Opens the weights of a model: a folder with safetensors, or a GGUF file.
 *
 * @throws {ModelError} naming the file that is missing, truncated or corrupt.
 */
export async function openWeights(model: string): Promise<TensorFile> {
  const gguf = await ggufOf(model);
  if (gguf !== undefined) return GgufModel.open(gguf);
  const names = await weightFiles(model);
  const files: TensorFile[] = [];
  try {
    for (const name of names) files.push(await openSafetensors(join(model, name)));
    const weights = new Shards(model, files);
    if ((await filesIn(model)).includes(INDEX_FILE)) await checkIndex(model, files);
    return weights;
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

/** Tensors that some checkpoints hold and no computation needs. */
function isHarmless(name: string, config: DecoderConfig): boolean {
  return name.endsWith('.rotary_emb.inv_freq') || (name === 'lm_head.weight' && config.tieWordEmbeddings);
}

/**
 * Checks names and shapes of weights against a configuration, and returns the shapes of what the decoder needs, in its order.
 *
 * @throws {ModelError} naming the first tensor that is missing, has another shape, or does not belong to the architecture.
 */
export function checkWeights(
  config: DecoderConfig,
  weights: Pick<TensorFile, 'path' | 'entries'>,
): Map<string, readonly number[]> {
  const { path, entries } = weights;
  const shapes = new Map<string, readonly number[]>();
  for (const [name, { shape }] of parameterSpecs(config)) {
    const found = entries.get(name);
    if (!found)
      throw new ModelError(`${path}: tensor ${name} of shape [${shape.join()}] is missing from its weights`);
    if (found.shape.join() !== shape.join()) {
      throw new ModelError(
        `${path}: tensor ${name} has shape [${found.shape.join()}], the configuration says [${shape.join()}]`,
      );
    }
    shapes.set(name, shape);
  }
  for (const [name, { shape }] of entries) {
    if (!shapes.has(name) && !isHarmless(name, config)) {
      throw new ModelError(
        `${path}: tensor ${name} of shape [${shape.join()}] is not part of ${config.architecture} as configured`,
      );
    }
  }
  return shapes;
}
