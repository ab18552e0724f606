"""Trains a LoRA adapter with TRL on what `overtone export dataset --format trl` wrote; what the TrainJob runs in every process.

    torchrun --nproc-per-node 8 train_trl.py --objective dpo --dataset s3://bucket/exports/self-judge --model Qwen/Qwen3-0.6B \
        --out /overtone/adapters/first --learning_rate 5e-6

--objective, --dataset, --model and --out also come from OVERTONE_OBJECTIVE, OVERTONE_DATASET, OVERTONE_MODEL and OVERTONE_OUT. All others are
the options of TRL's DPOConfig, KTOConfig or SFTConfig and of its ModelConfig (--lora_r, --beta, --max_length, --load_in_4bit, --fsdp, ...). The
data set and the adapter are folders, or URLs that fsspec opens (s3://, with AWS_ENDPOINT_URL_S3 for other stores than Amazon's).

Checkpoints go to --output_dir (default: beside the adapter), from which a job that was preempted continues. The adapter, in PEFT's format, is
there whole or not at all; in an object store adapter_config.json comes last.
"""

import os
import posixpath
import shutil
import sys
import tempfile
from dataclasses import dataclass, field

import fsspec
import torch
from datasets import load_dataset
from transformers import AutoTokenizer
from transformers.trainer_utils import get_last_checkpoint
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, ModelConfig, SFTConfig, SFTTrainer, TrlParser
from trl import get_peft_config, get_quantization_config

TRAINERS = {"dpo": (DPOTrainer, DPOConfig), "kto": (KTOTrainer, KTOConfig), "sft": (SFTTrainer, SFTConfig)}
COLUMNS = {"dpo": ["prompt", "chosen", "rejected"], "kto": ["prompt", "completion", "label"], "sft": ["prompt", "completion"]}
# What both PEFT and Overtone call the projections.
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTER = ["adapter_model.safetensors", "adapter_config.json"]


def setting(name, what):
    """A field that is an option, and an environment variable."""
    value = os.environ.get(f"OVERTONE_{name}") or None
    return field(default=value, metadata={"help": f"{what} (OVERTONE_{name})"})


@dataclass
class Job:
    dataset: str = setting("DATASET", "folder or URL of the exported data sets")
    model: str = setting("MODEL", "folder, or name on the hub")
    out: str = setting("OUT", "folder or URL that the adapter goes to")


def objective_of(arguments):
    """Takes --objective out of the arguments: it decides which others there are."""
    objective = os.environ.get("OVERTONE_OBJECTIVE") or None
    if "--objective" in arguments:
        at = arguments.index("--objective")
        objective = arguments[at + 1] if at + 1 < len(arguments) else None
        del arguments[at : at + 2]
    if objective not in TRAINERS:
        raise SystemExit(f"train_trl: --objective is {objective!r}; expected one of {', '.join(TRAINERS)}")
    return objective


def read_dataset(url, name):
    """The rows of a data set, as the trainer takes them. Every process reads its own copy, so that none waits for another one's file system."""
    file = posixpath.join(url, f"{name}.parquet")
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, f"{name}.parquet")
        try:
            with fsspec.open(file, "rb") as remote, open(local, "wb") as copy:
                shutil.copyfileobj(remote, copy)
        except FileNotFoundError:
            raise SystemExit(f"train_trl: there is no {file}; write it with: overtone export dataset <run> --format trl --out <folder>")
        rows = load_dataset("parquet", data_files=local, split="train", cache_dir=folder, keep_in_memory=True)
        if name == "sft":
            # As prompt and completion, the completion alone is learned.
            rows = rows.map(lambda row: {"prompt": row["messages"][:-1], "completion": row["messages"][-1:]}, keep_in_memory=True)
        return rows.select_columns(COLUMNS[name])


def write_adapter(folder, url):
    """Puts the adapter where it is wanted, so that it is there whole or not at all."""
    store, path = fsspec.core.url_to_fs(url)
    if "file" in (store.protocol if isinstance(store.protocol, tuple) else (store.protocol,)):
        partial = f"{path}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        os.makedirs(partial)
        for name in ADAPTER:
            shutil.copyfile(os.path.join(folder, name), os.path.join(partial, name))
        shutil.rmtree(path, ignore_errors=True)
        os.rename(partial, path)
        return
    for name in ADAPTER:
        store.put_file(os.path.join(folder, name), posixpath.join(path, name))


def main(arguments):
    objective = objective_of(arguments)
    trainer_class, config_class = TRAINERS[objective]
    job, config, model_config = TrlParser((Job, config_class, ModelConfig)).parse_args_and_config(arguments)
    for name in ("dataset", "model", "out"):
        if getattr(job, name) is None:
            raise SystemExit(f"train_trl: give --{name}, or OVERTONE_{name.upper()}")
    tokenizer = AutoTokenizer.from_pretrained(job.model)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model_config.use_peft = True
    model_config.lora_target_modules = model_config.lora_target_modules or PROJECTIONS
    config.model_init_kwargs = dict(
        revision=model_config.model_revision,
        attn_implementation=model_config.attn_implementation,
        dtype=model_config.dtype,
    )
    trainer = trainer_class(
        model=job.model,
        args=config,
        train_dataset=read_dataset(job.dataset, objective),
        processing_class=tokenizer,
        quantization_config=get_quantization_config(model_config),
        peft_config=get_peft_config(model_config),
    )
    trainer.train(resume_from_checkpoint=get_last_checkpoint(config.output_dir) if os.path.isdir(config.output_dir) else None)
    adapter = os.path.join(config.output_dir, "adapter")
    # Every process: sharded weights are gathered from all of them; the main one writes.
    trainer.save_model(adapter)
    trainer.accelerator.wait_for_everyone()
    if trainer.accelerator.is_main_process:
        write_adapter(adapter, job.out)
        print(f"train_trl: {objective} on {len(trainer.train_dataset)} rows, {trainer.state.global_step} steps; adapter: {job.out}", flush=True)
    trainer.accelerator.wait_for_everyone()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def with_defaults(arguments):
    """Where checkpoints go, unless it is said: beside the adapter, or on this machine where that goes to an object store."""
    if not any(argument.split("=")[0] == "--output_dir" for argument in arguments):
        out = arguments[arguments.index("--out") + 1] if "--out" in arguments else os.environ.get("OVERTONE_OUT", "")
        beside = f"{out}.training" if out and "://" not in out else os.path.join(tempfile.gettempdir(), "overtone-training")
        arguments += ["--output_dir", beside]
    return arguments


if __name__ == "__main__":
    main(with_defaults(sys.argv[1:]))
