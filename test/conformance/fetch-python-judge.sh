#!/usr/bin/env bash
# Makes a Python environment with grpcio in .cache/overtone/python-judge, for python-judge/judge.test.ts. Needs python3 (3.10 or later)
# with venv and pip. Does nothing when it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

environment="$PWD/.cache/overtone/python-judge"
"$environment/bin/python" -c 'import grpc, grpc_tools' 2>/dev/null && exit 0

rm -rf "$environment"
mkdir -p "$(dirname "$environment")"
python3 -m venv "$environment"
"$environment/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: \
  grpcio==1.85.1 grpcio-tools==1.85.1 protobuf==7.36.2
