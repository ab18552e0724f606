"""PyTorch, transformers and PEFT as a contestant: torch_peer.py <model folder> <threads> <float32|bfloat16>. A request a line, an answer a line.

Each request is done as the library's users do it: `generate` with its cache, `model(input_ids, attention_mask, labels).loss`,
batches padded to their longest text, texts of similar length together, attention by PyTorch's fused kernel (the default).
"""

import json
import os
import resource
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

folder, threads, precision = sys.argv[1], int(sys.argv[2]), sys.argv[3]

import torch
import transformers
from transformers import AutoModelForCausalLM

torch.set_num_threads(threads)
dtype = getattr(torch, precision)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
trained = None

# Texts of one forward pass.
BATCH = 8


def padded(texts, left=False):
    """Token ids and mask of texts of different lengths; what fills the rows does not matter, it is masked."""
    longest = max(map(len, texts))
    ids = torch.zeros(len(texts), longest, dtype=torch.long)
    mask = torch.zeros(len(texts), longest, dtype=torch.long)
    for row, text in enumerate(texts):
        place = slice(longest - len(text), longest) if left else slice(0, len(text))
        ids[row, place] = torch.tensor(text)
        mask[row, place] = 1
    return ids, mask


def batches(texts):
    """Indices of texts, those of similar length together."""
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]


@torch.inference_mode()
def sample(prompts, samples, newTokens, **_):
    ids, mask = padded(prompts, left=True)
    out = model.generate(
        input_ids=ids,
        attention_mask=mask,
        do_sample=True,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        num_return_sequences=samples,
        min_new_tokens=newTokens,
        max_new_tokens=newTokens,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert out.shape == (len(prompts) * samples, ids.shape[1] + newTokens), out.shape


@torch.inference_mode()
def score(items, **_):
    """Log-probability of every token of the continuations, and the entropy of the distribution that it comes from."""
    texts = [(len(item["prompt"]), item["prompt"] + text) for item in items for text in item["continuations"]]
    scores = [None] * len(texts)
    for group in batches([text for _, text in texts]):
        ids, mask = padded([texts[index][1] for index in group])
        # Without a cache, which only generation needs.
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1].float()
        logprobs = torch.log_softmax(logits, -1)
        entropies = -(logprobs.exp() * logprobs).sum(-1)
        chosen = logprobs.gather(-1, ids[:, 1:, None])[..., 0]
        for row, index in enumerate(group):
            begin, text = texts[index]
            place = slice(begin - 1, len(text) - 1)
            scores[index] = (chosen[row, place].tolist(), entropies[row, place].tolist())
    return scores


@torch.inference_mode()
def verdicts(prompts, choices):
    """Log-probabilities of the tokens that tell the verdicts apart, after every prompt."""
    answers = [None] * len(prompts)
    for group in batches(prompts):
        ids, mask = padded([prompts[index] for index in group], left=True)
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False, logits_to_keep=1).logits[:, -1].float()
        chosen = torch.log_softmax(logits, -1)[:, choices]
        for row, index in enumerate(group):
            answers[index] = chosen[row].tolist()
    return answers


@torch.inference_mode()
def analyses(prompts, newTokens):
    """Greedy analyses of a fixed length."""
    for group in batches(prompts):
        ids, mask = padded([prompts[index] for index in group], left=True)
        model.generate(
            input_ids=ids,
            attention_mask=mask,
            do_sample=False,
            min_new_tokens=newTokens,
            max_new_tokens=newTokens,
            eos_token_id=None,
            pad_token_id=0,
        )


def question(items, judge, **_):
    """The scoring pass of a question: the entropies of its solutions, and a judgment of every pair."""
    score(items)
    if judge["newTokens"] == 0:
        verdicts(judge["prompts"], judge["choices"])
    else:
        analyses(judge["prompts"], judge["newTokens"])


def train(sequences, lora, steps, **_):
    """Steps of LoRA training on completions alone."""
    global trained
    if trained is None:
        from peft import LoraConfig, get_peft_model

        adapted = get_peft_model(
            model,
            LoraConfig(
                task_type="CAUSAL_LM", r=lora["r"], lora_alpha=lora["alpha"], target_modules=lora["targetModules"]
            ),
        )
        adapted.train()
        adapted.config.use_cache = False
        parameters = [parameter for parameter in adapted.parameters() if parameter.requires_grad]
        ids, mask = padded([sequence["tokens"] for sequence in sequences])
        labels = ids.masked_fill(mask == 0, -100)
        for row, sequence in enumerate(sequences):
            labels[row, : sequence["promptLength"]] = -100
        trained = adapted, parameters, torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0), (ids, mask, labels)
    adapted, parameters, optimizer, (ids, mask, labels) = trained
    for _ in range(steps):
        loss = adapted(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        # What a trainer logs.
        loss.item()


WORK = {"sample": sample, "score": score, "question": question, "train": train}


def answer(request):
    if request["op"] == "memory":
        unit = 1 if sys.platform == "darwin" else 1024
        return {"peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    began = time.perf_counter()
    WORK[request.pop("op")](**request)
    return {"seconds": time.perf_counter() - began}


def version(package):
    from importlib.metadata import version as installed

    return installed(package)


say = lambda value: print(json.dumps(value), flush=True)
say({"ready": {package: version(package) for package in ("torch", "transformers", "peft")}})
for line in sys.stdin:
    try:
        say(answer(json.loads(line)))
    except Exception as error:
        say({"error": repr(error)})
