import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { writeAdapter } from './adapter.ts';
import { describeModel, loadModel } from './checkpoint.ts';
import { exportModel } from './export-model.ts';
import { initialAdapter, initialParameters } from './initialize.ts';
import { mergeLora, type LoraConfig } from './lora.ts';
import { writeSafetensors } from './safetensors.ts';
import { tinyConfig, tinyConfigJson } from './tiny-decoder.fixture.ts';

const miniature = fileURLToPath(new URL('../../miniature/model', import.meta.url));
const parameters = initialParameters(tinyConfig, 1);
const lora: LoraConfig = { r: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'] };
// B is not zero, as after training.
const adapter = new Map(
  [...initialAdapter(tinyConfig, lora, 5)].map(([name, { shape, data }]) => [
    name,
    { shape, data: data.map((value, index) => value + 0.01 * Math.sin(index + name.length)) },
  ]),
);
const roots: string[] = [];
let root = '';
const place = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'overtone-export-'));
  roots.push(root);
  await mkdir(place('base'));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(join(miniature, file), join(place('base'), file));
  await writeFile(join(place('base'), 'config.json'), JSON.stringify(tinyConfigJson));
  await writeFile(join(place('base'), 'chat_template.jinja'), '{{ messages[0].content }}');
  await writeSafetensors(join(place('base'), 'model.safetensors'), parameters);
  await writeAdapter(place('adapter'), { lora, parameters: adapter }, 'base');
});
afterAll(() => Promise.all(roots.map((folder) => rm(folder, { recursive: true, force: true }))));

describe('an exported model', () => {
  it('is the base with the adapter merged in, with its tokenizer and template', async () => {
    const out = place('merged');
    await mkdir(out);
    await exportModel({ model: place('base'), adapter: place('adapter'), out });
    const model = await loadModel(out);
    expect(new Map(model.parameters)).toEqual(new Map(mergeLora(parameters, lora, adapter)));
    expect((await readdir(out)).sort()).toEqual([
      'chat_template.jinja',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(await readdir(root)).toEqual(['adapter', 'base', 'merged']);
  });

  it('has the format and the shards that were asked for', async () => {
    const out = place('merged');
    await exportModel({
      model: place('base'),
      adapter: place('adapter'),
      out,
      dtype: 'BF16',
      maxShardBytes: 5000,
    });
    expect((await describeModel(out)).dtypes).toEqual(['BF16']);
    expect((await readdir(out)).filter((file) => file.endsWith('.safetensors')).length).toBeGreaterThan(2);
    expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8'))).toMatchObject({
      torch_dtype: 'bfloat16',
    });
    for (const [name, { data }] of mergeLora(parameters, lora, adapter)) {
      const found = (await loadModel(out)).parameters.get(name)?.data ?? new Float32Array();
      data.forEach((value, index) => {
        expect(Math.abs((found[index] ?? NaN) - value)).toBeLessThanOrEqual(Math.abs(value) * 2 ** -8);
      });
      break;
    }
  });

  it('is not there at all when the folder is taken, the adapter is another model’s, or it was stopped', async () => {
    const base = { model: place('base'), adapter: place('adapter') };
    await expect(exportModel({ ...base, out: place('base') })).rejects.toThrow(
      /base: is not empty; name a new folder/,
    );
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(exportModel({ ...base, out: place('merged'), signal })).rejects.toThrow('enough');
    await writeFile(
      join(place('base'), 'config.json'),
      JSON.stringify({ ...tinyConfigJson, num_hidden_layers: 1 }),
    );
    await expect(exportModel({ ...base, out: place('merged') })).rejects.toThrow(
      /adapter_model\.safetensors: tensor .*layers\.1/,
    );
    await writeFile(join(place('base'), 'config.json'), JSON.stringify(tinyConfigJson));
    const bytes = await readFile(join(place('base'), 'model.safetensors'));
    await writeFile(join(place('base'), 'model.safetensors'), bytes.subarray(0, -1));
    await expect(exportModel({ ...base, out: place('merged') })).rejects.toThrow(/truncated/);
    expect(await readdir(root)).toEqual(['adapter', 'base']);
  });
});
