"""Reads what `overtone export dataset --format trl` wrote, with Hugging Face `datasets`, and starts TRL's trainers on it.

    .venv/bin/pip install -r test/conformance/requirements-trl.txt
    .venv/bin/python test/conformance/start_trl.py exports/groups [libs/miniature/model]

JSONL and Parquet have to hold the same rows. Then DPO, KTO and SFT make one optimiser step each, on the CPU, with a model of the given
folder's shape and tokenizer, but random weights: before it has moved away from its reference, DPO has the loss log 2, and KTO one half.
Prints the losses as JSON. Everything is on this machine.
"""

import json
import math
import os
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=tempfile.mkdtemp(), TOKENIZERS_PARALLELISM="false")

import torch
from datasets import load_dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

MINIATURE = Path(__file__).resolve().parent.parent.parent / "libs" / "miniature" / "model"


def loaded(folder, name):
    """A data set, read both ways."""
    rows = load_dataset(str(folder), name, split="train")
    lines = load_dataset("json", data_files=str(folder / f"{name}.jsonl"), split="train")
    assert rows.column_names == lines.column_names, (rows.column_names, lines.column_names)
    assert rows.to_list() == lines.to_list(), f"{name}.parquet and {name}.jsonl differ"
    return rows


def main():
    folder = Path(sys.argv[1])
    model_folder = sys.argv[2] if len(sys.argv) > 2 else str(MINIATURE)
    data = {name: loaded(folder, name) for name in ("dpo", "kto", "sft")}
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    torch.manual_seed(1)
    random_model = tempfile.mkdtemp()
    AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model_folder), dtype=torch.float32).save_pretrained(random_model)
    tokenizer.save_pretrained(random_model)
    trainers = {"dpo": (DPOTrainer, DPOConfig), "kto": (KTOTrainer, KTOConfig), "sft": (SFTTrainer, SFTConfig)}
    losses = {}
    for name, (trainer_class, config_class) in trainers.items():
        with tempfile.TemporaryDirectory() as out:
            trainer = trainer_class(
                model=random_model,
                args=config_class(
                    output_dir=out,
                    max_steps=1,
                    per_device_train_batch_size=4,
                    logging_steps=1,
                    save_strategy="no",
                    report_to=[],
                    use_cpu=True,
                    bf16=False,
                    disable_tqdm=True,
                ),
                train_dataset=data[name],
                processing_class=tokenizer,
            )
            losses[name] = trainer.train().training_loss
    assert abs(losses["dpo"] - math.log(2)) < 1e-3 and abs(losses["kto"] - 0.5) < 1e-3, losses
    print(json.dumps(dict(rows={name: len(rows) for name, rows in data.items()}, losses=losses)))


if __name__ == "__main__":
    main()
