// A model folder with random weights, in the miniature's vocabulary: for tests.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { parameterSpecs, parseDecoderConfig, writeSafetensors } from '@overtone/language-model';
import { normalDeviate, seededRandom } from '@overtone/statistics';
import { sizeOf } from '@overtone/tensor';

const TOKENIZER = fileURLToPath(new URL('../../miniature/model/', import.meta.url));

const CONFIG = {
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 46,
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  num_key_value_heads: 1,
  head_dim: 16,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
};

/** Writes the folder; the same every time. `shape` overrides entries of its `config.json`. */
export async function writeRandomModel(folder: string, shape: Partial<typeof CONFIG> = {}): Promise<void> {
  const json = { ...CONFIG, ...shape };
  const parameters = new Map(
    [...parameterSpecs(parseDecoderConfig(json))].map(([name, { shape }]) => {
      const random = seededRandom('random model', name);
      const value = (): number => (name.includes('norm') ? 1 : 0.35 * normalDeviate(random));
      return [name, { shape, data: Float32Array.from({ length: sizeOf(shape) }, value) }];
    }),
  );
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify(json));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(TOKENIZER + file, join(folder, file));
  await writeSafetensors(join(folder, 'model.safetensors'), parameters);
}
