import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { loadModel, modelDigest, streamParameters, writeModel } from './checkpoint.ts';
import { initialParameters } from './initialize.ts';
import { writeSafetensors } from './safetensors.ts';
import { writeCheckpoint } from './safetensors-writer.ts';
import { tinyConfig, tinyConfigJson } from './tiny-decoder.fixture.ts';

/** The miniature's tokenizer; the weights and the configuration are made here. */
const miniature = fileURLToPath(new URL('../../miniature/model', import.meta.url));
const parameters = initialParameters(tinyConfig, 1);
const roots: string[] = [];
let folder = '';

/** Changes a JSON file of the model folder. */
async function edit(file: string, change: (json: Record<string, unknown>) => void): Promise<void> {
  const json = JSON.parse(await readFile(join(folder, file), 'utf8')) as Record<string, unknown>;
  change(json);
  await writeFile(join(folder, file), JSON.stringify(json));
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-model-'));
  roots.push(folder);
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(join(miniature, file), join(folder, file));
  await writeFile(join(folder, 'config.json'), JSON.stringify(tinyConfigJson));
  await writeSafetensors(join(folder, 'model.safetensors'), parameters);
});
afterAll(() => Promise.all(roots.map((root) => rm(root, { recursive: true, force: true }))));

describe('a model folder', () => {
  it('loads, and a copy that writeModel makes is the same model', async () => {
    const model = await loadModel(folder);
    expect(new Map(model.parameters)).toEqual(parameters);
    expect(model.config).toEqual(tinyConfig);
    const copy = join(folder, 'copy');
    await writeModel(copy, folder, model.parameters);
    expect(new Map((await loadModel(copy)).parameters)).toEqual(parameters);
    expect(await modelDigest(copy)).toBe(await modelDigest(folder));
    expect((await readdir(copy)).sort()).toEqual(
      (await readdir(folder)).filter((name) => name !== 'copy').sort(),
    );
  });

  it('reads passing tensors into one memory, each right while it is the last, and leaves the others alone', async () => {
    const passing = (name: string) => name.includes('_proj');
    const kept = new Map<string, Float32Array>();
    const memories = new Set<ArrayBufferLike>();
    for await (const [name, { data }] of streamParameters(folder, tinyConfig, { passing })) {
      expect(data).toEqual(parameters.get(name)?.data);
      if (passing(name)) memories.add(data.buffer);
      else kept.set(name, data);
    }
    expect(memories.size).toBe(1);
    for (const [name, data] of kept) expect(data).toEqual(parameters.get(name)?.data);
  });

  it('reads weights that are split over several files', async () => {
    const entries = [...parameters];
    await rm(join(folder, 'model.safetensors'));
    await writeSafetensors(join(folder, 'model-00001-of-00002.safetensors'), new Map(entries.slice(0, 7)));
    await writeSafetensors(join(folder, 'model-00002-of-00002.safetensors'), new Map(entries.slice(7)));
    expect(new Map((await loadModel(folder)).parameters)).toEqual(parameters);
  });

  it('is read as its index says, and names a shard that is missing, cut off or another', async () => {
    await rm(join(folder, 'model.safetensors'));
    const shapes = new Map([...parameters].map(([name, { shape }]) => [name, shape]));
    const read = (name: string) => parameters.get(name) ?? { shape: [], data: new Float32Array() };
    const files = await writeCheckpoint(folder, { shapes, read }, { maxShardBytes: 8000 });
    const index = 'model.safetensors.index.json';
    expect(files.length).toBeGreaterThan(3);
    expect(files.at(-1)).toBe(index);
    expect(files[0]).toBe(`model-00001-of-0000${files.length - 1}.safetensors`);
    expect(new Map((await loadModel(folder)).parameters)).toEqual(parameters);
    const second = join(folder, files[1] ?? '');
    const bytes = await readFile(second);
    await writeFile(second, bytes.subarray(0, bytes.length - 1));
    await expect(loadModel(folder)).rejects.toThrow(
      /model-00002-of-\d+\.safetensors: tensor model\..* truncated/,
    );
    await cp(join(folder, files[0] ?? ''), second);
    await expect(loadModel(folder)).rejects.toThrow(
      /model-00002-of-\d+\.safetensors: tensor .* is in .* as well/,
    );
    await rm(second);
    await expect(loadModel(folder)).rejects.toThrow(
      /model-00002-of-\d+\.safetensors: is missing, model\.safetensors\.index\.json names it/,
    );
  });

  it('refuses tensors that are not of the architecture, but for those that do no harm', async () => {
    const extra = { shape: [4], data: new Float32Array(4) };
    const path = join(folder, 'model.safetensors');
    await writeSafetensors(
      path,
      new Map(parameters).set('model.layers.0.self_attn.rotary_emb.inv_freq', extra),
    );
    await expect(loadModel(folder)).resolves.toBeDefined();
    await writeSafetensors(path, new Map(parameters).set('model.layers.0.mlp.router.weight', extra));
    await expect(loadModel(folder)).rejects.toThrow(
      `${folder}: tensor model.layers.0.mlp.router.weight of shape [4] is not part of Qwen3ForCausalLM`,
    );
  });

  it('takes chat_template.jinja before the configuration, and every end token that its files name', async () => {
    await writeFile(join(folder, 'chat_template.jinja'), '{{ messages[0].content }}');
    await writeFile(join(folder, 'generation_config.json'), '{"eos_token_id": [5, 1]}');
    await edit('config.json', (json) => (json['eos_token_id'] = 7));
    const { tokenizer } = await loadModel(folder);
    expect(tokenizer.encodeChat([{ role: 'user', content: '7' }])).toEqual(tokenizer.encode('7'));
    expect(tokenizer.stopTokenIds).toEqual([...new Set([tokenizer.eosTokenId, 5, 1, 7])]);
    await rm(join(folder, 'chat_template.jinja'));
    const templates = [
      { name: 'tool_use', template: 'x' },
      { name: 'default', template: '{{ messages[0].content }}' },
    ];
    await edit('tokenizer_config.json', (json) => (json['chat_template'] = templates));
    expect((await loadModel(folder)).tokenizer.encodeChat([{ role: 'user', content: '7' }])).toEqual(
      tokenizer.encode('7'),
    );
    await edit('tokenizer_config.json', (json) => (json['chat_template'] = templates.slice(0, 1)));
    await expect(loadModel(folder)).rejects.toThrow(/chat_template names tool_use and no default/);
    await edit('tokenizer_config.json', (json) => (json['chat_template'] = '{% for %}'));
    await expect(loadModel(folder)).rejects.toThrow(
      /tokenizer_config\.json: the chat template cannot be parsed/,
    );
  });

  it('has a digest that changes with the weights, the configuration and the tokenizer alone', async () => {
    const before = await modelDigest(folder);
    await writeFile(join(folder, 'README.md'), 'A model.');
    expect(await modelDigest(folder)).toBe(before);
    await edit('config.json', (json) => (json['rope_theta'] = 20_000));
    const after = await modelDigest(folder);
    expect(after).not.toBe(before);
    await writeSafetensors(join(folder, 'model.safetensors'), initialParameters(tinyConfig, 2));
    expect(await modelDigest(folder)).not.toBe(after);
  });

  it('without weights says which files it should hold', async () => {
    await rm(join(folder, 'model.safetensors'));
    await expect(loadModel(folder)).rejects.toThrow(`${folder}: no *.safetensors file; a model folder holds`);
  });

  it('names a missing tensor and its shape', async () => {
    const incomplete = new Map(parameters);
    incomplete.delete('model.layers.1.mlp.up_proj.weight');
    await writeSafetensors(join(folder, 'model.safetensors'), incomplete);
    await expect(loadModel(folder)).rejects.toThrow(
      `${folder}: tensor model.layers.1.mlp.up_proj.weight of shape [24,16] is missing`,
    );
  });

  it('names a tensor of the wrong shape, what it has and what it should have', async () => {
    const name = 'model.layers.0.self_attn.k_proj.weight';
    const data = parameters.get(name)?.data ?? new Float32Array();
    await writeSafetensors(
      join(folder, 'model.safetensors'),
      new Map(parameters).set(name, { shape: [8, 32], data }),
    );
    await expect(loadModel(folder)).rejects.toThrow(
      `${folder}: tensor ${name} has shape [8,32], the configuration says [16,16]`,
    );
  });

  it('names an architecture, an option or a value that is not supported', async () => {
    for (const [change, message] of [
      [
        { architectures: ['MistralForCausalLM'] },
        /config\.json: architecture "MistralForCausalLM" is not supported; supported: Qwen3ForCausalLM, /,
      ],
      [{ architectures: undefined }, /config\.json: architecture undefined is not supported/],
      [{ architectures: ['Qwen3ForCausalLM'], hidden_act: 'gelu' }, /config\.json: hidden_act "gelu"/],
      [{ hidden_act: 'silu', rope_scaling: { type: 'dynamic' } }, /config\.json: rope_type "dynamic"/],
      [
        { rope_scaling: null, num_key_value_heads: 3 },
        /config\.json: num_attention_heads 4 .* num_key_value_heads 3/,
      ],
      [
        { num_key_value_heads: 2, hidden_size: -1 },
        /config\.json: hidden_size must be a positive integer, got -1/,
      ],
    ] as const) {
      await edit('config.json', (json) => Object.assign(json, change));
      const run = loadModel(folder);
      await expect(run).rejects.toThrow(message);
      await expect(run).rejects.toThrow(folder);
    }
    await writeFile(join(folder, 'config.json'), '{');
    await expect(loadModel(folder)).rejects.toThrow(`${join(folder, 'config.json')}: is not JSON`);
  });

  it('does not take a tokenizer that is larger than the vocabulary', async () => {
    await edit('config.json', (json) => (json['vocab_size'] = 40));
    const config = { ...tinyConfig, vocabSize: 40 };
    await writeSafetensors(join(folder, 'model.safetensors'), initialParameters(config, 1));
    await expect(loadModel(folder)).rejects.toThrow(
      `${folder}: tokenizer.json has 46 tokens, config.json a vocabulary of 40`,
    );
  });

  it('says what to do about a missing tokenizer, chat template or end token', async () => {
    await edit('tokenizer_config.json', (json) => (json['eos_token'] = '<|nothing|>'));
    await expect(loadModel(folder)).rejects.toThrow(/tokenizer_config\.json: no eos_token/);
    await edit('tokenizer_config.json', (json) => delete json['chat_template']);
    await expect(loadModel(folder)).rejects.toThrow(
      `${folder}/tokenizer_config.json: no chat_template; add a file chat_template.jinja`,
    );
    await rm(join(folder, 'tokenizer.json'));
    await expect(loadModel(folder)).rejects.toThrow(`${join(folder, 'tokenizer.json')}: cannot be read`);
  });
});
