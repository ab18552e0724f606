// The miniature's architecture: a Qwen3 decoder of 0.44 M parameters, in the terms of a Hugging Face `config.json`.
import { miniatureTokenizer } from './tokenizer.ts';

/** The contents of `config.json` for a vocabulary of this size. */
export function miniatureConfig(vocabularySize: number) {
  const { padId, endId } = miniatureTokenizer();
  return {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: vocabularySize,
    hidden_size: 96,
    num_hidden_layers: 4,
    num_attention_heads: 3,
    num_key_value_heads: 1,
    head_dim: 32,
    intermediate_size: 288,
    hidden_act: 'silu',
    attention_bias: false,
    attention_dropout: 0,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    rope_scaling: null,
    max_position_embeddings: 512,
    tie_word_embeddings: true,
    initializer_range: 0.02,
    use_cache: true,
    use_sliding_window: false,
    torch_dtype: 'float32',
    bos_token_id: null,
    eos_token_id: endId,
    pad_token_id: padId,
  };
}
