#!/usr/bin/env bash
# Builds a real S3 server, the Versity Gateway, from its Go module into .cache/overtone/versitygw: two to five minutes, for
# *.system.test.ts here. Needs Go 1.25 or later. Does nothing when it is there.
#
# Another server: set OVERTONE_S3_SERVER to the path of a versitygw.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=v1.8.0
target="$PWD/.cache/overtone/versitygw"
[[ -x "$target/versitygw" ]] && exit 0
command -v go >/dev/null || { echo 'there is no go here' >&2; exit 1; }

scratch="$(mktemp -d)"
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
# Go checks the module against its checksum database. What it downloads is not kept.
GOBIN="$scratch/bin" GOPATH="$scratch/path" GOCACHE="$scratch/cache" CGO_ENABLED=0 \
  nice -n 19 go install -trimpath -ldflags='-s -w' "github.com/versity/versitygw/cmd/versitygw@$version"
mkdir -p "$target"
mv "$scratch/bin/versitygw" "$target/versitygw"
