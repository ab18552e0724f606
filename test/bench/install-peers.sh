#!/usr/bin/env bash
# Installs what `npm run bench` compares with, outside the workspace, under .cache/overtone: PyTorch, transformers and PEFT in a Python
# environment (about 1.5 GB), and node-llama-cpp with llama.cpp prebuilt for this platform's CPU. Needs python3 (3.11 or newer) with venv, and npm.
# With OVERTONE_BENCH_PYTHON set to a Python that has test/bench/peers/requirements.txt, that one is used and none is installed.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="$here/../../.cache/overtone"
mkdir -p "$cache"

if [[ -z "${OVERTONE_BENCH_PYTHON:-}" ]]; then
  [[ -x "$cache/bench-venv/bin/python" ]] || python3 -m venv "$cache/bench-venv"
  "$cache/bench-venv/bin/python" -m pip install --disable-pip-version-check --requirement "$here/peers/requirements.txt"
fi

# Named, so that only the CPU's binary is fetched; it is prebuilt, and no install script runs.
version=3.22.1
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) platform=linux-x64 ;;
  Linux-aarch64) platform=linux-arm64 ;;
  Darwin-arm64) platform=mac-arm64-metal ;;
  Darwin-x86_64) platform=mac-x64 ;;
  *) echo "node-llama-cpp has no prebuilt binary that this script knows for $(uname -s) on $(uname -m)" >&2 && exit 1 ;;
esac
mkdir -p "$cache/bench-llama"
echo '{ "name": "bench-llama", "private": true, "type": "module" }' >"$cache/bench-llama/package.json"
npm install --prefix "$cache/bench-llama" --ignore-scripts --omit=optional --no-audit --no-fund \
  "node-llama-cpp@$version" "@node-llama-cpp/$platform@$version"
