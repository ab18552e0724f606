"""Writes a model folder as GGUF for llama.cpp: to_gguf.py <model folder> <out.gguf> <F32|Q8_0>. The same weights, vectors in float32.

Prompts are given as token ids and tokens are never turned into text, so that the vocabulary holds names only.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import load_file

folder, out, kind = Path(sys.argv[1]), sys.argv[2], gguf.GGMLQuantizationType[sys.argv[3]]
config = json.loads((folder / "config.json").read_text())
architecture = {"Qwen3ForCausalLM": "qwen3", "Qwen2ForCausalLM": "qwen2", "LlamaForCausalLM": "llama"}[
    config["architectures"][0]
]
heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
head_dim = config.get("head_dim") or config["hidden_size"] // heads
vocabulary = config["vocab_size"]
rope = config.get("rope_parameters") or {}

writer = gguf.GGUFWriter(out, architecture)
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(config["num_hidden_layers"])
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(kv_heads)
writer.add_key_length(head_dim)
writer.add_value_length(head_dim)
writer.add_rope_dimension_count(head_dim)
writer.add_rope_freq_base(config.get("rope_theta") or rope.get("rope_theta", 10000.0))
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
writer.add_vocab_size(vocabulary)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("default")
writer.add_token_list([f"<{index}>" for index in range(vocabulary)])
writer.add_token_types([int(gguf.TokenType.NORMAL)] * vocabulary)
writer.add_token_merges(["< 0"])
writer.add_bos_token_id(0)
writer.add_eos_token_id(0)

NAMES = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
OUTSIDE = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def interleaved(rows, count):
    """llama.cpp's order of the rotated halves in the Llama architecture."""
    return rows.reshape(count, 2, rows.shape[0] // count // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


for file in sorted(folder.glob("*.safetensors")):
    for name, tensor in load_file(file).items():
        module, _, part = name.rpartition(".")
        tensor = tensor.astype(np.float32)
        if module in OUTSIDE:
            target = OUTSIDE[module]
        else:
            _, _, layer, inner = module.split(".", 3)
            target = f"blk.{layer}.{NAMES[inner]}"
            if architecture == "llama" and inner.endswith(("q_proj", "k_proj")):
                tensor = interleaved(tensor, heads if inner.endswith("q_proj") else kv_heads)
        if tensor.ndim < 2 or kind == gguf.GGMLQuantizationType.F32:
            writer.add_tensor(f"{target}.{part}", np.ascontiguousarray(tensor))
        else:
            writer.add_tensor(f"{target}.{part}", gguf.quantize(tensor, kind), raw_dtype=kind)

writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
