// Writes what check_ours.py reads: for each small model and the miniature, adapters as Overtone writes them, and Overtone's
// logits with and without them. `node test/conformance/write_ours.ts <folder>`
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  initialAdapter,
  loadModel,
  type LoraConfig,
  PROJECTIONS,
  writeAdapter,
  writeSafetensors,
  type DecoderConfig,
  type NamedTensor,
  type ParameterMap,
} from '@overtone/language-model';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { CASES } from './measure.fixture.ts';
import { logitsOf, readReference, VECTORS } from './reference.fixture.ts';

const LORAS: Readonly<Record<string, LoraConfig>> = {
  adapter: { r: 4, alpha: 8, targetModules: [...PROJECTIONS] },
  'adapter-rslora': { r: 4, alpha: 4, useRslora: true, targetModules: ['v_proj', 'o_proj', 'gate_proj'] },
};

async function writeCase(
  folder: string,
  model: string,
  config: DecoderConfig,
  parameters: ParameterMap,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const random = seededRandom('ours', model);
  const ids = Array.from({ length: 48 }, () => Math.floor(random() * config.vocabSize));
  const tensor = async (logits: Promise<Float32Array>): Promise<NamedTensor> => ({
    shape: [ids.length, config.vocabSize],
    data: await logits,
  });
  const logits = new Map([['base', await tensor(logitsOf(config, parameters, ids))]]);
  for (const [name, lora] of Object.entries(LORAS)) {
    // As after training: neither A nor B is zero.
    const matrices = new Map(
      [...initialAdapter(config, lora, 1)].map(([matrix, { shape, data }]) => [
        matrix,
        { shape, data: data.map((value) => value + 0.2 * normalDeviate(random)) },
      ]),
    );
    const adapter = { lora, parameters: matrices };
    await writeAdapter(join(folder, name), adapter, model);
    logits.set(name, await tensor(logitsOf(config, parameters, ids, adapter)));
  }
  await writeSafetensors(join(folder, 'logits.safetensors'), logits);
  await writeFile(join(folder, 'facts.json'), JSON.stringify({ model, ids, adapters: Object.keys(LORAS) }));
}

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('Usage: write_ours.ts <folder>');
for (const name of CASES) {
  const { config, parameters } = await readReference(name);
  await writeCase(join(out, name), join(VECTORS, name, 'model'), config, parameters);
}
const miniature = fileURLToPath(new URL('../../libs/miniature/model', import.meta.url));
const { config, parameters, tokenizer } = await loadModel(miniature);
await writeCase(join(out, 'miniature'), miniature, config, parameters);
const messages = [{ role: 'user', content: '12 + 5 - 3' }];
const text = '12 + 5 = 17\n17 - 3 = 14\n\\boxed{14}';
await writeFile(
  join(out, 'miniature', 'tokenizer.json'),
  JSON.stringify({ messages, chat: tokenizer.encodeChat(messages), text, tokens: tokenizer.encode(text) }),
);
