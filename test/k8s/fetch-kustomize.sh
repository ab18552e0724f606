#!/usr/bin/env bash
# Builds kustomize 5.8.3 from the Go module proxy into .cache/overtone/kubernetes/bin: a minute or two. Needs Go 1.24 or later. Does nothing
# where it is there. A kubectl on the path does as well: the tests take either.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bin="$PWD/.cache/overtone/kubernetes/bin"
[[ -x "$bin/kustomize" ]] && exit 0
mkdir -p "$bin"
GOBIN="$bin" CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' sigs.k8s.io/kustomize/kustomize/v5@v5.8.3
