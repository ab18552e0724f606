import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeModel, loadModel, modelDigest } from '../checkpoint.ts';
import { initialParameters } from '../initialize.ts';
import { parseDecoderConfig, type DecoderConfig } from '../config.ts';
import { narrow } from '../float-formats.ts';
import { type NamedTensor } from '../tensor-file.ts';
import { BLOCKS, dequantize, type GgufFormat } from './dequantize.ts';
import { ggufBytes, type WrittenTensor, type WrittenValue } from './gguf-writer.fixture.ts';

let folder = '';
let path = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'overtone-gguf-'));
  path = join(folder, 'tiny.gguf');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A half by the definition in IEEE 754. */
function halfOf(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** The block formats as ggml's reference code reads them, one number at a time. */
function reference(format: GgufFormat, block: Uint8Array): number[] {
  const at = (index: number): number => block[index] ?? 0;
  const d = halfOf(at(0) | (at(1) << 8));
  return Array.from({ length: 32 }, (_, j) => {
    if (format === 'Q8_0') return Math.fround(d * ((at(2 + j) << 24) >> 24));
    const start = format === 'Q4_0' ? 2 : 4;
    const quant = j < 16 ? at(start + j) & 0x0f : at(start + j - 16) >> 4;
    if (format === 'Q4_0') return Math.fround((quant - 8) * d);
    return Math.fround(Math.fround(quant * d) + halfOf(at(2) | (at(3) << 8)));
  });
}

const ARCHITECTURE: Readonly<Record<string, string>> = {
  LlamaForCausalLM: 'llama',
  Qwen2ForCausalLM: 'qwen2',
  Qwen3ForCausalLM: 'qwen3',
};

const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^model\.embed_tokens/, 'token_embd'],
  [/^model\.norm/, 'output_norm'],
  [/^lm_head/, 'output'],
  [/^model\.layers\.(\d+)\./, 'blk.$1.'],
  [/self_attn\.([qkv])_proj/, 'attn_$1'],
  [/self_attn\.o_proj/, 'attn_output'],
  [/self_attn\.([qk])_norm/, 'attn_$1_norm'],
  [/input_layernorm/, 'attn_norm'],
  [/post_attention_layernorm/, 'ffn_norm'],
  [/mlp\.(gate|up|down)_proj/, 'ffn_$1'],
];

/** LlamaModel.permute of convert_hf_to_gguf.py: reshape(heads, 2, half, …), swap axes 1 and 2. */
function permute({ shape, data }: NamedTensor, headDim: number): Float32Array {
  const [rows = 0, columns = 1] = shape;
  const result = new Float32Array(data.length);
  for (let head = 0; head < rows / headDim; head++)
    for (let part = 0; part < 2; part++)
      for (let index = 0; index < headDim / 2; index++) {
        const from = (head * headDim + part * (headDim / 2) + index) * columns;
        result.set(data.subarray(from, from + columns), (head * headDim + index * 2 + part) * columns);
      }
  return result;
}

const TOKENS = ['<|end|>', '<|user|>', ...'0123456789', 'Ġ', 'a', 'b', 'ab'];

function metadataOf(config: DecoderConfig): Map<string, WrittenValue> {
  const name = ARCHITECTURE[config.architecture] ?? '';
  const types = TOKENS.map((token) => (token.startsWith('<|') ? 3 : 1));
  const pad = Array.from({ length: config.vocabSize - TOKENS.length }, (_, index) => `[PAD${index}]`);
  return new Map<string, WrittenValue>([
    ['general.architecture', { type: 'text', value: name }],
    [`${name}.embedding_length`, { type: 'u32', value: config.hiddenSize }],
    [`${name}.feed_forward_length`, { type: 'u32', value: config.intermediateSize }],
    [`${name}.block_count`, { type: 'u32', value: config.numHiddenLayers }],
    [`${name}.context_length`, { type: 'u64', value: config.maxPositionEmbeddings }],
    [`${name}.attention.head_count`, { type: 'u32', value: config.numAttentionHeads }],
    [`${name}.attention.head_count_kv`, { type: 'u32', value: config.numKeyValueHeads }],
    [`${name}.attention.key_length`, { type: 'u32', value: config.headDim }],
    [`${name}.attention.layer_norm_rms_epsilon`, { type: 'f32', value: config.rmsNormEps }],
    ['tokenizer.ggml.model', { type: 'text', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'text', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { type: 'texts', value: [...TOKENS, ...pad] }],
    ['tokenizer.ggml.token_type', { type: 'i32s', value: [...types, ...pad.map(() => 5)] }],
    ['tokenizer.ggml.merges', { type: 'texts', value: ['a b'] }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: 0 }],
    ['tokenizer.chat_template', { type: 'text', value: '<|user|>{{ messages[0].content }}' }],
  ]);
}

function tensorsOf(config: DecoderConfig, parameters: ReadonlyMap<string, NamedTensor>) {
  const tensors = new Map<string, WrittenTensor>();
  for (const [name, tensor] of parameters) {
    const permuted = config.architecture === 'LlamaForCausalLM' && /[qk]_proj/.test(name);
    const data = permuted ? permute(tensor, config.headDim) : tensor.data;
    const renamed = RENAMED.reduce((text, [from, to]) => text.replace(from, to), name);
    tensors.set(renamed, { dimensions: tensor.shape.toReversed(), type: 0, bytes: narrow('F32', data) });
  }
  return tensors;
}

const tiny = (architecture: string, changes: object = {}): DecoderConfig =>
  parseDecoderConfig({
    architectures: [architecture],
    vocab_size: 24,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 64,
    rms_norm_eps: 2 ** -16,
    ...changes,
  });

describe('quantised blocks', () => {
  it('become the numbers of the reference formulas, to the bit', () => {
    for (const format of ['Q4_0', 'Q4_1', 'Q8_0'] as const) {
      const { bytes } = BLOCKS[format];
      const block = fc
        .uint8Array({ minLength: bytes, maxLength: bytes })
        // Scales are finite: their exponent is not all ones.
        .map((raw) =>
          raw.map((byte, index) => (index === 1 || (format === 'Q4_1' && index === 3) ? byte & 0xbf : byte)),
        );
      fc.assert(
        fc.property(fc.array(block, { minLength: 1, maxLength: 4 }), (blocks) => {
          const target = new Float32Array(32 * blocks.length + 1);
          dequantize(format, Uint8Array.from(blocks.flatMap((raw) => [...raw])), target, 1);
          const expected = Float32Array.from([0, ...blocks.flatMap((raw) => reference(format, raw))]);
          // −0 and 0 are the same number.
          expect([...target].map((x) => x + 0)).toEqual([...expected].map((x) => x + 0));
        }),
        { numRuns: 100 },
      );
    }
  });
});

describe('a GGUF file', () => {
  for (const [architecture, changes] of [
    ['LlamaForCausalLM', { tie_word_embeddings: true }],
    ['LlamaForCausalLM', { attention_bias: true }],
    ['Qwen2ForCausalLM', {}],
    ['Qwen3ForCausalLM', {}],
  ] as const) {
    it(`is the model that was converted: ${architecture} ${JSON.stringify(changes)}`, async () => {
      const config = tiny(architecture, changes);
      const parameters = initialParameters(config, 3);
      await writeFile(path, ggufBytes(metadataOf(config), tensorsOf(config, parameters), 2));
      const model = await loadModel(folder);
      expect(model.config).toEqual(config);
      expect(new Map(model.parameters)).toEqual(parameters);
      const ids = [1, 15, 12, 3];
      expect(model.tokenizer.encodeChat([{ role: 'user', content: 'ab 1' }])).toEqual(ids);
      expect(model.tokenizer.vocabSize).toBe(TOKENS.length);
      expect(model.tokenizer.stopTokenIds).toEqual([0]);
      expect(await modelDigest(folder)).toBe(await modelDigest(path));
      expect((await describeModel(path)).dtypes).toEqual(['F32']);
    });
  }

  it('has Llama 3’s scaling when its factors follow the rule, and is refused when they do not', async () => {
    const rope_scaling = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    const config = tiny('LlamaForCausalLM', { head_dim: 16, rope_theta: 500_000, rope_scaling });
    const metadata = metadataOf(config).set('llama.rope.freq_base', { type: 'f32', value: 500_000 });
    const tensors = tensorsOf(config, initialParameters(config, 3));
    const write = async (factors: number[]): Promise<void> => {
      const bytes = new Uint8Array(Float32Array.from(factors).buffer);
      await writeFile(
        path,
        ggufBytes(metadata, new Map(tensors).set('rope_freqs.weight', { dimensions: [8], type: 0, bytes })),
      );
    };
    // By the formula, for wavelengths 2π · 500000^(i/8): the fifth lies between 8192/4 and 8192.
    const middle = ((wavelength) => {
      const smooth = (8192 / wavelength - 1) / 3;
      return 1 / ((1 - smooth) / 8 + smooth);
    })(2 * Math.PI * 500_000 ** 0.5);
    await write([1, 1, 1, 1, middle, 8, 8, 8]);
    expect((await loadModel(path)).config).toEqual(config);
    await write([1, 1, 1, 2, middle, 8, 8, 8]);
    await expect(loadModel(path)).rejects.toThrow(/tiny\.gguf: rope_freqs\.weight does not follow Llama 3/);
  });

  it('is refused by name for what is not supported', async () => {
    const config = tiny('Qwen3ForCausalLM');
    const [metadata, tensors] = [metadataOf(config), tensorsOf(config, initialParameters(config, 3))];
    const q6k: WrittenTensor = { dimensions: [256], type: 14, bytes: new Uint8Array(210) };
    for (const [change, tensor, message] of [
      [
        ['general.architecture', { type: 'text', value: 'gemma2' }],
        [],
        /architecture "gemma2" is not supported; supported: llama, qwen2, qwen3/,
      ],
      [
        ['tokenizer.ggml.model', { type: 'text', value: 'llama' }],
        [],
        /tokenizer model "llama" is not supported; supported: gpt2/,
      ],
      [['qwen3.expert_count', { type: 'u32', value: 8 }], [], /qwen3\.expert_count 8 is not supported/],
      [['split.count', { type: 'u32', value: 3 }], [], /is one part of several/],
      [
        undefined,
        [['blk.0.ffn_up.weight', q6k]],
        /tensor blk\.0\.ffn_up\.weight has format Q6_K; supported: F32/,
      ],
      [
        undefined,
        [['blk.0.ffn_gate_inp.weight', { ...q6k, dimensions: [2], type: 0 }]],
        /tensor blk\.0\.ffn_gate_inp\.weight of shape \[2\] is not part/,
      ],
    ] as const) {
      const changed = new Map(metadata);
      if (change) changed.set(change[0], change[1]);
      await writeFile(path, ggufBytes(changed, new Map([...tensors, ...tensor])));
      const run = loadModel(path);
      await expect(run).rejects.toThrow(message);
      await expect(run).rejects.toThrow(path);
    }
    await writeFile(path, 'GGML');
    await expect(loadModel(path)).rejects.toThrow(/tiny\.gguf: is not a GGUF file/);
  });

  it('is refused when it was cut off anywhere', async () => {
    const config = tiny('Qwen3ForCausalLM');
    const whole = ggufBytes(metadataOf(config), tensorsOf(config, initialParameters(config, 3)));
    for (let length = 0; length < whole.length - 32; length += 97) {
      await writeFile(path, whole.subarray(0, length));
      await expect(loadModel(path)).rejects.toThrow(/tiny\.gguf: .*(truncated|not a GGUF file)/);
    }
  });
});
