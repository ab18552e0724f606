// An adapter on disk, in PEFT's format: adapter_config.json and adapter_model.safetensors.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ParameterMap } from './checkpoint.ts';
import { isJsonObject, readJson } from './config.ts';
import { parseTargetModules, type LoraConfig } from './lora.ts';
import { ModelError } from './model-error.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const PEFT_PREFIX = 'base_model.model.';

/** An adapter: its configuration and its matrices, by their names without PEFT's prefix. */
export interface Adapter {
  readonly lora: LoraConfig;
  readonly parameters: ParameterMap;
}

/** Writes an adapter folder. `baseModel` is recorded as PEFT's base_model_name_or_path. */
export async function writeAdapter(folder: string, adapter: Adapter, baseModel: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseModel,
    r: adapter.lora.r,
    lora_alpha: adapter.lora.alpha,
    lora_dropout: 0,
    target_modules: [...adapter.lora.targetModules],
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
  };
  const prefixed = new Map([...adapter.parameters].map(([name, tensor]) => [PEFT_PREFIX + name, tensor]));
  await writeSafetensors(join(folder, 'adapter_model.safetensors'), prefixed);
  await writeFile(join(folder, 'adapter_config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads an adapter folder. Throws a ModelError for anything but plain LoRA. */
export async function readAdapter(folder: string): Promise<Adapter> {
  const path = join(folder, 'adapter_config.json');
  const config = await readJson(path);
  if (!isJsonObject(config) || config['peft_type'] !== 'LORA')
    throw new ModelError(`${path}: peft_type must be LORA`);
  for (const option of ['use_dora', 'use_rslora', 'fan_in_fan_out']) {
    if (config[option] === true) throw new ModelError(`${path}: ${option} is not supported`);
  }
  if (config['bias'] !== undefined && config['bias'] !== 'none')
    throw new ModelError(`${path}: bias must be "none"`);
  for (const option of ['rank_pattern', 'alpha_pattern', 'modules_to_save']) {
    const value = config[option];
    const empty =
      value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
    if (!empty) throw new ModelError(`${path}: ${option} is not supported`);
  }
  const { r, lora_alpha: alpha, target_modules: modules } = config;
  if (typeof r !== 'number' || typeof alpha !== 'number' || !Array.isArray(modules)) {
    throw new ModelError(`${path}: r, lora_alpha and target_modules are needed`);
  }
  const tensors = await readSafetensors(join(folder, 'adapter_model.safetensors'));
  const parameters = new Map(
    [...tensors].map(([name, tensor]) => [
      name.startsWith(PEFT_PREFIX) ? name.slice(PEFT_PREFIX.length) : name,
      tensor,
    ]),
  );
  return { lora: { r, alpha, targetModules: parseTargetModules(modules.map(String)) }, parameters };
}
