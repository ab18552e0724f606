import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '@overtone/statistics';
import { checkAdapter, readAdapter, writeAdapter } from './adapter.ts';
import { type ParameterMap } from './checkpoint.ts';
import { causalBias, decode, headLogits, type Linear, linearOf, type Weights } from './decoder.ts';
import { initialAdapter, initialParameters } from './initialize.ts';
import { type LoraConfig, loraScale, mergeLora, withLora } from './lora.ts';
import { PROJECTIONS } from './parameters.ts';
import { tinyConfig } from './tiny-decoder.fixture.ts';

const lora: LoraConfig = { r: 3, alpha: 6, targetModules: [...PROJECTIONS] };
const parameters = initialParameters(tinyConfig, 1);

/** An adapter as after training: none of its matrices is zero. */
function trainedAdapter(how: LoraConfig): ParameterMap {
  const random = seededRandom('trained adapter');
  return new Map(
    [...initialAdapter(tinyConfig, how, 2)].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => value + 0.4 * (random() - 0.5)) },
    ]),
  );
}

/** Logits of two sequences, run eagerly. */
function logits(weightsOf: ParameterMap, wrap: (base: Linear) => Linear): Float32Array {
  return tf.tidy(() => {
    const weights = tensors(weightsOf);
    const random = seededRandom('tokens');
    const length = 7;
    const input = {
      tokens: tf.tensor2d(
        Int32Array.from({ length: 2 * length }, () => Math.floor(random() * tinyConfig.vocabSize)),
        [2, length],
        'int32',
      ),
      positions: tf.tensor2d(
        Int32Array.from({ length: 2 * length }, (_, index) => index % length),
        [2, length],
        'int32',
      ),
      bias: causalBias(length),
    };
    const { hidden } = decode(tinyConfig, weights, wrap(linearOf(weights)), input);
    return Float32Array.from(headLogits(tinyConfig, weights, hidden).dataSync());
  });
}

const tensors = (map: ParameterMap): Weights =>
  Object.fromEntries([...map].map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]));

const distance = (a: Float32Array, b: Float32Array): number =>
  Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? NaN))));

beforeAll(async () => {
  await tf.setBackend('cpu');
});

describe('LoRA', () => {
  for (const how of [lora, { r: 2, alpha: 1, targetModules: ['q_proj', 'down_proj'] } as const]) {
    it(`merged into the weights gives the logits of running beside them: ${how.targetModules.join()}`, () => {
      const adapter = trainedAdapter(how);
      const plain = logits(parameters, (base) => base);
      const beside = logits(
        parameters,
        (base) => (module, x) => withLora(base, how, tensors(adapter))(module, x),
      );
      const merged = logits(mergeLora(parameters, how, adapter), (base) => base);
      expect(distance(merged, beside)).toBeLessThan(1e-5);
      expect(distance(merged, plain)).toBeGreaterThan(0.01);
    });
  }

  it('changes nothing before it is trained', () => {
    const merged = mergeLora(parameters, lora, initialAdapter(tinyConfig, lora, 5));
    for (const [name, { data }] of parameters) expect(merged.get(name)?.data).toEqual(data);
  });

  it('adds (alpha / r) · B A to a weight, and leaves the model it was given alone', () => {
    const module = 'model.layers.0.self_attn.q_proj';
    const adapter: ParameterMap = new Map([
      [`${module}.lora_A.weight`, { shape: [1, 2], data: Float32Array.of(3, 5) }],
      [`${module}.lora_B.weight`, { shape: [2, 1], data: Float32Array.of(1, -1) }],
    ]);
    const model: ParameterMap = new Map([
      [`${module}.weight`, { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) }],
    ]);
    const merged = mergeLora(model, { r: 1, alpha: 2, targetModules: ['q_proj'] }, adapter);
    expect(merged.get(`${module}.weight`)?.data).toEqual(Float32Array.of(7, 10, -6, -9));
    expect(model.get(`${module}.weight`)?.data).toEqual(Float32Array.of(1, 0, 0, 1));
  });

  it('says which module an adapter of another model does not fit', () => {
    const module = 'model.layers.1.mlp.up_proj';
    const adapter = new Map(trainedAdapter(lora));
    adapter.set(`${module}.lora_A.weight`, { shape: [3, 15], data: new Float32Array(45) });
    expect(() => mergeLora(parameters, lora, adapter)).toThrow(
      `adapter: ${module} has lora_A [3,15] and lora_B [24,3], which do not fit the weight [24,16]`,
    );
    adapter.delete(`${module}.lora_B.weight`);
    expect(() => mergeLora(parameters, lora, adapter)).toThrow(`adapter: ${module} has no lora_B`);
  });
});

describe('an adapter folder', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'overtone-adapter-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('reads back to the bit, under the names that PEFT gives', async () => {
    const adapter = { lora, parameters: trainedAdapter(lora) };
    await writeAdapter(folder, adapter, 'base');
    const read = await readAdapter(folder);
    expect(read.lora).toEqual(lora);
    expect(new Map(read.parameters)).toEqual(adapter.parameters);
    const bytes = await readFile(join(folder, 'adapter_model.safetensors'), 'latin1');
    expect(bytes).toContain('"base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"');
  });

  it('keeps the scale of rsLoRA, alpha / √r', async () => {
    const how: LoraConfig = { r: 4, alpha: 6, useRslora: true, targetModules: ['q_proj', 'down_proj'] };
    expect(loraScale(how)).toBe(3);
    await writeAdapter(folder, { lora: how, parameters: trainedAdapter(how) }, 'base');
    expect((await readAdapter(folder)).lora).toEqual(how);
  });

  it('may name its modules as PEFT does: by the end of a name, "all-linear", or a pattern', async () => {
    const path = join(folder, 'adapter_config.json');
    const how: LoraConfig = { r: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'] };
    await writeAdapter(folder, { lora: how, parameters: trainedAdapter(how) }, 'base');
    const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    for (const named of [['down_proj', 'self_attn.q_proj'], '.*(q_proj|down_proj)', 'all-linear']) {
      await writeFile(path, JSON.stringify({ ...config, target_modules: named }));
      expect((await readAdapter(folder)).lora).toEqual(how);
    }
  });

  it('belongs to the model whose shapes it has; else the error names the tensor and the shape', async () => {
    await writeAdapter(folder, { lora, parameters: trainedAdapter(lora) }, 'base');
    const adapter = await readAdapter(folder);
    const check = (change: Partial<typeof tinyConfig>) => (): void =>
      checkAdapter({ ...tinyConfig, ...change }, adapter, folder);
    expect(check({})).not.toThrow();
    expect(check({ hiddenSize: 20 })).toThrow(
      `${join(folder, 'adapter_model.safetensors')}: tensor base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight has shape [3,16], the model and r = 3 need [3,20]`,
    );
    expect(check({ numHiddenLayers: 3 })).toThrow(
      /tensor base_model\.model\.model\.layers\.2\.self_attn\.q_proj\.lora_A\.weight of shape \[3,16\] is missing/,
    );
    expect(check({ numHiddenLayers: 1 })).toThrow(
      /layers\.1\..* a layer that the model, with 1, does not have/,
    );
  });

  it('with matrices of anything but a projection is refused by their name', async () => {
    const matrices = new Map(trainedAdapter(lora));
    matrices.set('lm_head.lora_A.weight', { shape: [3, 16], data: new Float32Array(48) });
    await writeAdapter(folder, { lora, parameters: matrices }, 'base');
    await expect(readAdapter(folder)).rejects.toThrow(/tensor lm_head\.lora_A\.weight is not supported/);
  });

  it('leaves no unfinished file behind', async () => {
    await writeAdapter(folder, { lora, parameters: trainedAdapter(lora) }, 'base');
    expect((await readdir(folder)).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  });

  it('refuses what is not plain LoRA, naming the file and the option', async () => {
    const path = join(folder, 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    for (const [change, message] of [
      [{ peft_type: 'IA3' }, 'peft_type must be LORA'],
      [{ use_dora: true }, 'use_dora is not supported'],
      [{ rank_pattern: { q_proj: 2 } }, 'rank_pattern is not supported'],
      [{ layers_to_transform: [0] }, 'layers_to_transform is not supported'],
      [{ modules_to_save: ['lm_head'] }, 'modules_to_save is not supported'],
      [{ init_lora_weights: 'pissa' }, 'init_lora_weights "pissa" changes the base model'],
      [
        { target_modules: ['layers.0.self_attn.q_proj'] },
        'target_modules: layers.0.self_attn.q_proj names a',
      ],
      [{ r: undefined }, 'r, lora_alpha and target_modules are needed'],
    ] as const) {
      await writeFile(path, JSON.stringify({ ...config, ...change }));
      await expect(readAdapter(folder)).rejects.toThrow(`${path}: ${message}`);
    }
    await writeFile(path, JSON.stringify({ ...config, target_modules: ['query'] }));
    await expect(readAdapter(folder)).rejects.toThrow(/unknown projection query; known: q_proj/);
  });
});
