// An adapter on disk, in PEFT's format: adapter_config.json and adapter_model.safetensors.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParameterMap } from './checkpoint.ts';
import { type DecoderConfig } from './config.ts';
import { isJsonObject, type JsonObject, positiveInteger, positiveNumber, readJson } from './config-values.ts';
import { type LoraConfig, loraShapes } from './lora.ts';
import { ModelError } from './model-error.ts';
import { PROJECTIONS, type Projection } from './parameters.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const PEFT_PREFIX = 'base_model.model.';
const CONFIG_FILE = 'adapter_config.json';
const TENSOR_FILE = 'adapter_model.safetensors';

/** An adapter: its configuration and its matrices, by their names without PEFT's prefix. */
export interface Adapter {
  readonly lora: LoraConfig;
  readonly parameters: ParameterMap;
}

/**
 * Writes an adapter folder that PEFT and vLLM load as it is; no file is there under its name before it is whole.
 *
 * @param baseModel Recorded as PEFT's base_model_name_or_path.
 * @throws {ModelError} when a file cannot be written.
 */
export async function writeAdapter(folder: string, adapter: Adapter, baseModel: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: adapter.lora.r,
    lora_alpha: adapter.lora.alpha,
    use_rslora: adapter.lora.useRslora ?? false,
    lora_dropout: 0,
    target_modules: [...adapter.lora.targetModules],
    modules_to_save: null,
    bias: 'none',
    use_dora: false,
    fan_in_fan_out: false,
    inference_mode: true,
  };
  const prefixed = new Map([...adapter.parameters].map(([name, tensor]) => [PEFT_PREFIX + name, tensor]));
  await writeSafetensors(join(folder, TENSOR_FILE), prefixed);
  await writeWhole(join(folder, CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

/** Writes a text under a temporary name until all of it is on disk. */
async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.partial`;
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new ModelError(`${path}: cannot be written`, { cause });
  }
}

/** PEFT's options that change what an adapter computes and must be off, absent or empty. */
const REFUSED = [
  'use_dora',
  'use_qalora',
  'use_bdlora',
  'lora_bias',
  'fan_in_fan_out',
  'rank_pattern',
  'alpha_pattern',
  'layers_to_transform',
  'layer_replication',
  'modules_to_save',
  'target_parameters',
  'trainable_token_indices',
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'monteclora_config',
];

/** Initialisations that leave the base model's weights as they are; PiSSA, OLoRA, CorDA, LoftQ and others do not. */
const INITIALISATIONS: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'eva', 'orthogonal'];

function isOff(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

/** The projections that `target_modules` lists; undefined for a string ("all-linear" or a pattern), where the tensors tell. */
function listedModules(config: JsonObject, path: string): Projection[] | undefined {
  const modules = config['target_modules'];
  if (typeof modules === 'string') return undefined;
  if (!Array.isArray(modules) || modules.length === 0)
    throw new ModelError(`${path}: r, lora_alpha and target_modules are needed`);
  const listed = modules.map((module: unknown) => {
    // PEFT matches the end of a module's name.
    const parts = String(module).split('.');
    const known = PROJECTIONS.find((projection) => projection === parts.at(-1));
    if (!known) {
      throw new ModelError(
        `${path}: target_modules: unknown projection ${String(module)}; known: ${PROJECTIONS.join(', ')}`,
      );
    }
    if (parts.some((part) => /^\d+$/.test(part))) {
      throw new ModelError(
        `${path}: target_modules: ${String(module)} names a single layer, which is not supported; adapt the projection in all layers`,
      );
    }
    return known;
  });
  return PROJECTIONS.filter((projection) => listed.includes(projection));
}

/**
 * Reads an adapter folder.
 *
 * @throws {ModelError} for anything but plain LoRA on the projections of the layers, naming the option or the tensor.
 */
export async function readAdapter(folder: string): Promise<Adapter> {
  const path = join(folder, CONFIG_FILE);
  const config = await readJson(path);
  if (!isJsonObject(config) || config['peft_type'] !== 'LORA')
    throw new ModelError(`${path}: peft_type must be LORA`);
  for (const option of REFUSED)
    if (!isOff(config[option])) throw new ModelError(`${path}: ${option} is not supported`);
  if (config['bias'] !== undefined && config['bias'] !== 'none')
    throw new ModelError(`${path}: bias must be "none"`);
  if (!INITIALISATIONS.includes(config['init_lora_weights'])) {
    throw new ModelError(
      `${path}: init_lora_weights ${JSON.stringify(config['init_lora_weights'])} changes the base model's weights and is not supported; convert the adapter with PEFT's path_initial_model_for_weight_conversion`,
    );
  }
  if (config['r'] === undefined || config['lora_alpha'] === undefined)
    throw new ModelError(`${path}: r, lora_alpha and target_modules are needed`);
  const r = positiveInteger(config, 'r', path);
  const alpha = positiveNumber(config, 'lora_alpha', path);
  const listed = listedModules(config, path);

  const tensorPath = join(folder, TENSOR_FILE);
  const parameters = new Map(
    [...(await readSafetensors(tensorPath))].map(([name, tensor]) => [
      name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name,
      tensor,
    ]),
  );
  const present = new Set<Projection>();
  for (const name of parameters.keys()) {
    const module = /^model\.layers\.\d+\.(?:self_attn|mlp)\.(\w+)\.lora_[AB]\.weight$/.exec(name)?.[1];
    const projection = PROJECTIONS.find((known) => known === module);
    if (!projection) {
      throw new ModelError(
        `${tensorPath}: tensor ${name} is not supported; an adapter holds lora_A and lora_B of the projections ${PROJECTIONS.join(', ')}`,
      );
    }
    present.add(projection);
  }
  const targetModules = listed ?? PROJECTIONS.filter((projection) => present.has(projection));
  const useRslora = config['use_rslora'] === true;
  return { lora: { r, alpha, targetModules, ...(useRslora ? { useRslora } : {}) }, parameters };
}

/**
 * Checks that an adapter belongs to a model: every matrix that its configuration promises is there in the shape that the
 * model needs, and no other.
 *
 * @param folder Named in errors.
 * @throws {ModelError} naming the first tensor that is missing, of another shape, or of another model.
 */
export function checkAdapter(config: DecoderConfig, { lora, parameters }: Adapter, folder: string): void {
  const path = join(folder, TENSOR_FILE);
  const shapes = loraShapes(config, lora);
  for (const [name, shape] of shapes) {
    const found = parameters.get(name)?.shape;
    if (!found) {
      throw new ModelError(
        `${path}: tensor ${PEFT_PREFIX}${name} of shape [${shape.join()}] is missing; the model has ${config.numHiddenLayers} layers, and the adapter must adapt ${lora.targetModules.join(', ')} in each`,
      );
    }
    if (found.join() !== shape.join()) {
      throw new ModelError(
        `${path}: tensor ${PEFT_PREFIX}${name} has shape [${found.join()}], the model and r = ${lora.r} need [${shape.join()}]: the adapter belongs to another model`,
      );
    }
  }
  for (const name of parameters.keys()) {
    if (!shapes.has(name)) {
      throw new ModelError(
        `${path}: tensor ${PEFT_PREFIX}${name} adapts what is not in target_modules, or a layer that the model, with ${config.numHiddenLayers}, does not have`,
      );
    }
  }
}
