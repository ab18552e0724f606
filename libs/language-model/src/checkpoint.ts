// A model folder in Hugging Face layout: configuration, weights, tokenizer.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readDecoderConfig, type DecoderConfig } from './config.ts';
import { ModelError } from './model-error.ts';
import { parameterSpecs } from './parameters.ts';
import { readSafetensors, writeSafetensors, type NamedTensor } from './safetensors.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';

/** A decoder's parameters by name, float32. */
export type ParameterMap = ReadonlyMap<string, NamedTensor>;

/** A model, loaded. */
export interface Model {
  readonly folder: string;
  readonly config: DecoderConfig;
  readonly parameters: ParameterMap;
  readonly tokenizer: Tokenizer;
}

/** Files beside the weights that belong to a model. */
const COMPANIONS = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json'];

/** Checks names and shapes of parameters against a configuration. Throws a ModelError naming the first that is wrong. */
function checked(config: DecoderConfig, tensors: ParameterMap, folder: string): ParameterMap {
  const specs = parameterSpecs(config);
  const result = new Map<string, NamedTensor>();
  for (const [name, { shape }] of specs) {
    const tensor = tensors.get(name);
    if (!tensor)
      throw new ModelError(
        `${folder}: tensor ${name} of shape [${shape.join()}] is missing from its *.safetensors`,
      );
    if (tensor.shape.join() !== shape.join()) {
      throw new ModelError(
        `${folder}: tensor ${name} has shape [${tensor.shape.join()}], config.json says [${shape.join()}]`,
      );
    }
    result.set(name, tensor);
  }
  return result;
}

/** Reads the parameters of a model folder. */
export async function readParameters(folder: string, config: DecoderConfig): Promise<ParameterMap> {
  const files = (await readdir(folder).catch(() => []))
    .filter((file) => file.endsWith('.safetensors'))
    .sort();
  if (files.length === 0) {
    throw new ModelError(
      `${folder}: no *.safetensors file; a model folder holds config.json, tokenizer.json, tokenizer_config.json and its weights`,
    );
  }
  const shards = await Promise.all(files.map((file) => readSafetensors(join(folder, file))));
  return checked(config, new Map(shards.flatMap((shard) => [...shard])), folder);
}

/** Loads a model folder. */
export async function loadModel(folder: string): Promise<Model> {
  const config = await readDecoderConfig(folder);
  const [parameters, tokenizer] = await Promise.all([readParameters(folder, config), readTokenizer(folder)]);
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new ModelError(
      `${folder}: tokenizer.json has ${tokenizer.vocabSize} tokens, config.json a vocabulary of ${config.vocabSize}: they do not belong together`,
    );
  }
  return { folder, config, parameters, tokenizer };
}

/** Writes a model folder: weights, and the configuration and tokenizer of another model folder. */
export async function writeModel(folder: string, source: string, parameters: ParameterMap): Promise<void> {
  await mkdir(folder, { recursive: true });
  const present = new Set(await readdir(source));
  for (const file of COMPANIONS) if (present.has(file)) await cp(join(source, file), join(folder, file));
  await writeSafetensors(join(folder, 'model.safetensors'), parameters);
}

/** SHA-256 over the files that determine what a model folder computes. */
export async function modelDigest(folder: string): Promise<string> {
  const files = (await readdir(folder))
    .filter((file) => COMPANIONS.includes(file) || file.endsWith('.safetensors'))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const content = createHash('sha256')
      .update(await readFile(join(folder, file)))
      .digest('hex');
    hash.update(`${basename(file)}\0${content}\n`);
  }
  return hash.digest('hex');
}
