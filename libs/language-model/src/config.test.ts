import { describe, expect, it } from 'vitest';
import { parseDecoderConfig } from './config.ts';
import { initialParameters } from './initialize.ts';
import { parameterSpecs } from './parameters.ts';
import { tinyConfigJson } from './tiny-decoder.fixture.ts';

const { head_dim: _, ...shape } = { ...tinyConfigJson, hidden_size: 32 };
const qwen3 = { ...shape, architectures: ['Qwen3ForCausalLM'] };
const qwen2 = { ...shape, architectures: ['Qwen2ForCausalLM'] };
const llama = { ...shape, architectures: ['LlamaForCausalLM'] };

const namesOf = (json: object): string[] => [...parameterSpecs(parseDecoderConfig(json)).keys()];
const biases = (json: object): string[] =>
  namesOf(json)
    .filter((name) => name.startsWith('model.layers.1.') && name.endsWith('.bias'))
    .map((name) => name.split('.')[4] ?? '');

describe('the architectures', () => {
  it('differ in their biases, their norms and the size of their heads', () => {
    expect(biases(qwen3)).toEqual([]);
    expect(biases(qwen2)).toEqual(['q_proj', 'k_proj', 'v_proj']);
    expect(biases(llama)).toEqual([]);
    expect(namesOf(qwen3)).toContain('model.layers.0.self_attn.q_norm.weight');
    for (const json of [qwen2, llama]) expect(namesOf(json).join()).not.toContain('q_norm');
    expect(parseDecoderConfig(qwen3).headDim).toBe(128);
    expect(parseDecoderConfig(qwen2).headDim).toBe(8);
    expect(parseDecoderConfig({ ...llama, head_dim: null }).headDim).toBe(8);
    expect(parseDecoderConfig({ ...llama, head_dim: 16 }).headDim).toBe(16);
  });

  it('take the biases that their options ask for', () => {
    expect(biases({ ...llama, attention_bias: true })).toEqual(['q_proj', 'k_proj', 'v_proj', 'o_proj']);
    expect(biases({ ...llama, mlp_bias: true })).toEqual(['gate_proj', 'up_proj', 'down_proj']);
    expect(biases({ ...qwen3, attention_bias: true })).toHaveLength(4);
    expect(
      parameterSpecs(parseDecoderConfig(qwen2)).get('model.layers.0.self_attn.k_proj.bias')?.shape,
    ).toEqual([16]);
  });

  it('start with biases of zero', () => {
    const parameters = initialParameters(parseDecoderConfig(qwen2), 1);
    expect(parameters.get('model.layers.0.self_attn.q_proj.bias')?.data).toEqual(new Float32Array(32));
  });

  it.each([
    [
      { architectures: ['GemmaForCausalLM'] },
      /architecture "GemmaForCausalLM" is not supported; supported: Qwen3ForCausalLM, Qwen2ForCausalLM, LlamaForCausalLM$/,
    ],
    [{ architectures: ['Qwen3MoeForCausalLM'] }, /architecture "Qwen3MoeForCausalLM" is not supported/],
    [{ use_sliding_window: true }, /use_sliding_window is not supported/],
    [{ layer_types: ['full_attention', 'sliding_attention'] }, /layer_types names "sliding_attention"/],
    [{ hidden_act: 'gelu' }, /hidden_act "gelu" is not supported; Qwen2ForCausalLM uses silu/],
    [{ quantization_config: { quant_method: 'awq' } }, /quantization_config "awq" is not supported/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5 is not supported/],
    [
      { rope_scaling: { type: 'dynamic', factor: 2 } },
      /rope_type "dynamic" is not supported; supported: default, linear, llama3, yarn$/,
    ],
    [
      { rope_scaling: { rope_type: 'llama3', factor: 8, low_freq_factor: 1 } },
      /rope_scaling: high_freq_factor must be a positive number/,
    ],
    [
      { rope_parameters: { full_attention: { rope_theta: 1e4 } } },
      /rope_parameters: settings of each layer type are not supported/,
    ],
    [{ tie_word_embeddings: 'yes' }, /tie_word_embeddings must be true or false/],
  ])('refuse %j', (change, message) => {
    const parse = (): unknown => parseDecoderConfig({ ...qwen2, ...change }, 'models/x/config.json');
    expect(parse).toThrow(message);
    expect(parse).toThrow(/^models\/x\/config\.json: /);
  });
});

describe('the rotary settings', () => {
  const ropeOf = (change: object): unknown => parseDecoderConfig({ ...llama, ...change }).rope;

  it('are the same in the form of transformers 4 and in that of 5', () => {
    const scaling = {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 16,
    };
    const old = ropeOf({ rope_theta: 5e5, rope_scaling: { type: 'llama3', ...scaling } });
    expect(ropeOf({ rope_parameters: { rope_theta: 5e5, rope_type: 'llama3', ...scaling } })).toEqual(old);
    expect(old).toEqual({
      type: 'llama3',
      theta: 5e5,
      factor: 8,
      lowFreqFactor: 1,
      highFreqFactor: 4,
      originalMaxPositionEmbeddings: 16,
    });
    expect(ropeOf({ rope_theta: 1e6, rope_scaling: null })).toEqual({ type: 'default', theta: 1e6 });
    expect(ropeOf({ rope_parameters: { rope_theta: 1e6 } })).toEqual({ type: 'default', theta: 1e6 });
    expect(ropeOf({})).toEqual({ type: 'default', theta: 1e4 });
  });

  it('of YaRN fill in what the paper recommends', () => {
    expect(
      ropeOf({ rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 16 } }),
    ).toEqual({
      type: 'yarn',
      theta: 1e4,
      factor: 4,
      attentionFactor: 0.1 * Math.log(4) + 1,
      betaFast: 32,
      betaSlow: 1,
      truncate: true,
      originalMaxPositionEmbeddings: 16,
    });
  });
});
