// The files of a model: a folder in Hugging Face layout, or one GGUF file that holds the same.
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDecoderConfig, type DecoderConfig } from './config.ts';
import { isJsonObject, readJson } from './config-values.ts';
import { type FloatFormat } from './float-formats.ts';
import { withGguf } from './gguf/model.ts';
import { ModelError } from './model-error.ts';
import { reason } from './tensor-file.ts';

/** The list of shards, and which tensor is in which. */
export const INDEX_FILE = 'model.safetensors.index.json';

/** Files beside the weights that belong to a model. */
export const COMPANIONS: readonly string[] = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
];

/** The files in a folder; none if it cannot be read. */
export async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

/**
 * The GGUF file that a model is: the path itself, or the only one in a folder without safetensors. Undefined for other models.
 *
 * @throws {ModelError} if there is nothing at the path, or a folder holds several.
 */
export async function ggufOf(model: string): Promise<string | undefined> {
  const found = await stat(model).catch((cause: unknown) => {
    throw new ModelError(`${model}: cannot be read: ${reason(cause)}`, { cause });
  });
  if (!found.isDirectory()) {
    if (model.endsWith('.gguf')) return model;
    throw new ModelError(`${model}: is neither a model folder nor a .gguf file`);
  }
  const files = await filesIn(model);
  const candidates = files.filter((file) => file.endsWith('.gguf'));
  const [only] = candidates;
  if (only === undefined || files.some((file) => file.endsWith('.safetensors'))) return undefined;
  if (candidates.length > 1)
    throw new ModelError(`${model}: holds several GGUF files; name one of them: ${candidates.join(', ')}`);
  return join(model, only);
}

/** Reads a JSON file that may be absent. */
export async function readOptionalJson(path: string): Promise<unknown> {
  const present = await stat(path).catch(() => undefined);
  return present === undefined ? undefined : readJson(path);
}

/** Reads a text file that may be absent. */
export async function readOptionalText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** Reads the configuration of a model: of `config.json`, or of a GGUF file's metadata. */
export async function readDecoderConfig(model: string): Promise<DecoderConfig> {
  const gguf = await ggufOf(model);
  if (gguf !== undefined) return withGguf(gguf, ({ config }) => parseDecoderConfig(config, gguf));
  const path = join(model, 'config.json');
  return parseDecoderConfig(await readJson(path), path);
}

const TORCH_DTYPES: Readonly<Record<FloatFormat, string>> = {
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
};

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Puts the configuration and tokenizer of a model into a folder: copies, or what a GGUF file's metadata amounts to.
 *
 * @param dtype Recorded as the format of the weights, where it is another than the source's.
 */
export async function writeCompanions(folder: string, source: string, dtype?: FloatFormat): Promise<void> {
  await mkdir(folder, { recursive: true });
  const gguf = await ggufOf(source);
  if (gguf === undefined) {
    const present = new Set(await filesIn(source));
    // Through links, as the hub's cache has them.
    for (const file of COMPANIONS)
      if (present.has(file)) await cp(join(source, file), join(folder, file), { dereference: true });
  } else {
    await withGguf(gguf, async (model) => {
      const { tokenizer, tokenizerConfig } = model.tokenizer();
      await writeJson(join(folder, 'config.json'), model.config);
      await writeJson(join(folder, 'tokenizer.json'), tokenizer);
      await writeJson(join(folder, 'tokenizer_config.json'), tokenizerConfig);
    });
  }
  if (dtype === undefined) return;
  const path = join(folder, 'config.json');
  const config = await readJson(path);
  if (!isJsonObject(config)) throw new ModelError(`${path}: expected a JSON object`);
  // transformers 5 calls it dtype, and still reads the older name.
  const key = Object.hasOwn(config, 'dtype') ? 'dtype' : 'torch_dtype';
  await writeJson(path, { ...config, [key]: TORCH_DTYPES[dtype] });
}
