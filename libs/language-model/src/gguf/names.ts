// ggml's names of tensors, in Hugging Face's words, and the order of rows that llama.cpp's converter changed.

const TOP: Readonly<Record<string, string>> = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
};

const LAYER: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
};

/** The name that a checkpoint gives to a tensor of a GGUF file; undefined if it has none. */
export function checkpointName(name: string): string | undefined {
  const match = /^(?:blk\.(\d+)\.)?([a-z_]+)\.(weight|bias)$/.exec(name);
  if (!match) return undefined;
  const [, layer, part = '', kind = ''] = match;
  const module = layer === undefined ? TOP[part] : LAYER[part];
  if (module === undefined) return undefined;
  return `${layer === undefined ? '' : `model.layers.${layer}.`}${module}.${kind}`;
}

/**
 * Where a row of a `llama` file's query or key projection belongs in a checkpoint. The converter interleaves the two halves of
 * each head (LlamaModel.permute in convert_hf_to_gguf.py), since ggml rotates neighbouring pairs.
 */
export function unpermutedRow(row: number, headDim: number): number {
  const within = row % headDim;
  return row - within + (within % 2) * (headDim / 2) + Math.floor(within / 2);
}
