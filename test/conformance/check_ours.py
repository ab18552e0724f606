"""The other direction: what Overtone writes, read by the original implementation.

    .venv/bin/python test/conformance/check_ours.py     (the environment of make_vectors.py)

Has Overtone write adapters for each small model and for the miniature (write_ours.ts), loads them with PEFT as they are, and
compares logits; loads the shipped miniature with transformers, its tokenizer and chat template included. Exits with 1 if
anything differs.
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = Path(__file__).resolve().parent
NODE = HERE.parent.parent / "node_modules" / ".bin" / "node"
TOLERANCE = 1e-4


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def check(folder):
    facts = json.loads((folder / "facts.json").read_text())
    ours = load_file(folder / "logits.safetensors")

    def load():
        return AutoModelForCausalLM.from_pretrained(
            facts["model"], dtype=torch.float32, attn_implementation="eager"
        ).eval()

    errors = {}
    for name in ["base", *facts["adapters"]]:
        model = load()
        if name != "base":
            with warnings.catch_warnings():
                # PEFT warns of matrices that are missing or too many.
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", FutureWarning)
                model = PeftModel.from_pretrained(model, folder / name).eval()
        theirs = logits_of(model, facts["ids"])
        errors[name] = ((theirs - ours[name]).abs().max() / theirs.abs().max()).item()
    print(f"{folder.name}: " + ", ".join(f"{name} {error:.1e}" for name, error in errors.items()))
    return all(error < TOLERANCE for error in errors.values())


def check_tokenizer(folder):
    facts = json.loads((folder / "tokenizer.json").read_text())
    tokenizer = AutoTokenizer.from_pretrained(json.loads((folder / "facts.json").read_text())["model"])
    chat = tokenizer.apply_chat_template(
        facts["messages"], add_generation_prompt=True, tokenize=True, return_dict=False
    )
    tokens = tokenizer.encode(facts["text"], add_special_tokens=False)
    equal = chat == facts["chat"] and tokens == facts["tokens"]
    print(f"miniature: AutoTokenizer and its chat template: {'equal' if equal else 'DIFFERENT'}")
    return equal


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([NODE, HERE / "write_ours.ts", out], check=True)
        results = [check(folder) for folder in sorted(Path(out).iterdir())]
        results.append(check_tokenizer(Path(out) / "miniature"))
    print("all equal to 1e-4 of the largest logit" if all(results) else "DIFFERENT")
    sys.exit(0 if all(results) else 1)
