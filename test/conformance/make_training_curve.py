"""Golden training curves of PyTorch, transformers and PEFT: 50 steps of SFT, DPO and GRPO on the miniature, from an adapter that PEFT drew.

    .venv/bin/python test/conformance/make_training_curve.py      # the environment of make_vectors.py

Writes vectors/training-curve: `groups.jsonl`, a data set as Overtone's trainer reads it; `adapter`, the adapter that both start
from, in which neither A nor B is zero; `tokens.json`, what the base model and the adapter say of each completion token of the first
groups: its log-probability, and the entropy where it is predicted; and `curves.json`, the loss, the gradient norm, the learning rate and
the mean entropy of every step. GRPO is dapo with ratios of tokens to the adapter at the start, and the k3 divergence from the base model.
Batches are the groups in their order, four a step. The optimiser is torch.optim.AdamW behind clip_grad_norm_, the rate that of
get_cosine_schedule_with_warmup (Overtone's first step of the warm-up is the second of transformers', whose first has rate 0).
"""

import contextlib
import json
import os
import random
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, get_cosine_schedule_with_warmup

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent.parent / "libs" / "miniature" / "model"
TARGET = HERE / "vectors" / "training-curve"
STEPS, GROUPS, WARMUP = 50, 4, 5
RATE, DECAY, CLIP, BETAS = 2e-3, 0.1, 1.0, (0.9, 0.98)
BETA = 0.5
KL_BETA = 0.04
# Groups whose tokens are told.
TOLD = 4


def load():
    return AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32, attn_implementation="eager")


def make_groups(count):
    """Sums with a long and a short solution each; which of the two is better varies."""
    draw = random.Random(7)
    for index in range(count):
        terms = [draw.randint(1, 20) for _ in range(draw.randint(2, 4))]
        total, steps = terms[0], []
        for term in terms[1:]:
            steps.append(f"{total} + {term} = {total + term}")
            total += term
        long = "\n".join([*steps, f"\\boxed{{{total}}}"])
        best = draw.random() < 0.7
        yield {
            "id": f"g{index}",
            "messages": [{"role": "user", "content": " + ".join(map(str, terms))}],
            "solutions": [
                {"text": long, "score": 1 if best else 0},
                {"text": f"\\boxed{{{total}}}", "score": 0 if best else 1},
            ],
        }


def tokenized(tokenizer, group):
    """Prompt and completions with the end token, best first."""
    prompt = tokenizer.apply_chat_template(group["messages"], add_generation_prompt=True, tokenize=True, return_dict=False)
    ranked = sorted(group["solutions"], key=lambda solution: -solution["score"])
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False) + [tokenizer.eos_token_id]
    return prompt, [encode(solution["text"]) for solution in ranked]


ENTROPIES = []


def token_logprobs(model, prompt, completion):
    ids = torch.tensor([prompt + completion])
    logprobs = torch.log_softmax(model(input_ids=ids, use_cache=False).logits[0, :-1].float(), -1)
    chosen = logprobs.gather(1, ids[0, 1:, None])[:, 0]
    if torch.is_grad_enabled():
        ENTROPIES.extend((logprobs.exp() * logprobs).sum(-1).neg()[len(prompt) - 1 :].tolist())
    return chosen[len(prompt) - 1 :]


def logprob(model, prompt, completion):
    return token_logprobs(model, prompt, completion).sum()


def sft_loss(model, batch):
    """Mean negative log-likelihood of the best completions' tokens."""
    total = sum(len(completions[0]) for _, completions in batch)
    return -sum(logprob(model, prompt, completions[0]) for prompt, completions in batch) / total


def dpo_loss(model, batch):
    losses = []
    for prompt, (chosen, rejected) in batch:
        with torch.no_grad(), model.disable_adapter():
            reference = logprob(model, prompt, chosen) - logprob(model, prompt, rejected)
        margin = logprob(model, prompt, chosen) - logprob(model, prompt, rejected) - reference
        losses.append(-torch.nn.functional.logsigmoid(BETA * margin))
    return sum(losses) / len(losses)


def grpo_loss(model, batch):
    """Scores are 1 and 0, so that advantages are ±√½; the loss of TRL's GRPOTrainer with loss_type dapo."""
    losses = []
    for prompt, completions in batch:
        for completion, score in zip(completions, [1.0, 0.0]):
            with torch.no_grad():
                old = token_logprobs(START, prompt, completion)
                with model.disable_adapter():
                    reference = token_logprobs(model, prompt, completion)
            now = token_logprobs(model, prompt, completion)
            advantage = (score - 0.5) / (0.5**0.5 + 1e-4)
            ratio = torch.exp(now - old)
            gain = torch.minimum(ratio * advantage, ratio.clamp(1 - 0.2, 1 + 0.28) * advantage)
            divergence = torch.exp(reference - now) - (reference - now) - 1
            losses.append(KL_BETA * divergence - gain)
    return torch.cat(losses).mean()


def curve(batches, loss_of):
    model = PeftModel.from_pretrained(load(), TARGET / "adapter", is_trainable=True).eval()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, betas=BETAS, eps=1e-8, weight_decay=DECAY)
    # One step further: the schedule's own first step has rate 0.
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    rows = []
    for step, batch in enumerate(batches):
        rate = RATE * (step + 1) / WARMUP if step < WARMUP else schedule.get_last_lr()[0]
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        ENTROPIES.clear()
        loss = loss_of(model, batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimizer.step()
        schedule.step()
        entropy = sum(ENTROPIES) / len(ENTROPIES)
        rows.append({"loss": loss.item(), "grad_norm": norm.item(), "learning_rate": rate, "entropy": entropy})
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    groups = list(make_groups(STEPS * GROUPS))
    (TARGET / "groups.jsonl").write_text("".join(json.dumps(group) + "\n" for group in groups))
    generator = torch.Generator().manual_seed(3)
    fresh = get_peft_model(
        load(),
        LoraConfig(task_type="CAUSAL_LM", r=2, lora_alpha=4, target_modules=["q_proj", "v_proj", "down_proj"]),
    )
    with torch.no_grad():
        for name, parameter in fresh.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    # What PEFT records as the base's name would be this machine's path.
    fresh.peft_config["default"].base_model_name_or_path = "model"
    fresh.save_pretrained(TARGET / "adapter")
    (TARGET / "adapter" / "README.md").unlink(missing_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    examples = [tokenized(tokenizer, group) for group in groups]
    batches = [examples[at : at + GROUPS] for at in range(0, len(examples), GROUPS)]
    START = PeftModel.from_pretrained(load(), TARGET / "adapter").eval()
    said = []
    for prompt, completions in examples[:TOLD]:
        for completion in completions:
            for adapter in (False, True):
                ENTROPIES.clear()
                with contextlib.nullcontext() if adapter else START.disable_adapter():
                    logprobs = token_logprobs(START, prompt, completion).tolist()
                said.append({"adapter": adapter, "logprobs": logprobs, "entropies": list(ENTROPIES)})
    (TARGET / "tokens.json").write_text(json.dumps(said) + "\n")
    curves = {"sft": curve(batches, sft_loss), "dpo": curve(batches, dpo_loss), "grpo": curve(batches, grpo_loss)}
    (TARGET / "curves.json").write_text(json.dumps(curves) + "\n")
    for name, rows in curves.items():
        print(name, [round(row["loss"], 4) for row in rows[::7]])
