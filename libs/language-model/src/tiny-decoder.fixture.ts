// A decoder small enough to run eagerly in tests.
import { parseDecoderConfig } from './config.ts';

/** A `config.json`; every feature of the architecture occurs, in the smallest size. */
export const tinyConfigJson = {
  architectures: ['Qwen3ForCausalLM'],
  vocab_size: 46,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 64,
  tie_word_embeddings: false,
  initializer_range: 0.3,
};

/** The same, parsed. */
export const tinyConfig = parseDecoderConfig(tinyConfigJson);
