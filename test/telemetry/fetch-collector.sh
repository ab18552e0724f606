#!/bin/sh
# Builds the OpenTelemetry Collector from Go's modules, and unpacks Debian's Prometheus, for test/telemetry/*.system.test.ts. Needs Go 1.25
# or later and a Debian or Ubuntu for Prometheus; takes some minutes. Usage: test/telemetry/fetch-collector.sh [folder]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$here/../../.cache/overtone/collector}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
version=v0.155.0

if [ ! -x "$folder/overtone-collector" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  GOBIN="$work" nice -n 19 go install "go.opentelemetry.io/collector/cmd/builder@$version"
  sed "s|^  version:|  output_path: $work/source\n  version:|" "$here/collector-build.yaml" > "$work/build.yaml"
  # Sources alone: its own way of finding modules asks for those of everybody's tests too.
  "$work/builder" --config "$work/build.yaml" --skip-compilation --skip-get-modules
  cd "$work/source"
  [ -f go.mod ] || go mod init overtone-collector
  go get "go.opentelemetry.io/collector/otelcol@$version" \
    $(sed -n 's/.*gomod: *\([^ ]*\) *\([^ ]*\)$/\1@\2/p' "$here/collector-build.yaml")
  CGO_ENABLED=0 nice -n 19 go build -mod=mod -trimpath -ldflags='-s -w' -o "$folder/overtone-collector" .
  cd "$here"
fi
"$folder/overtone-collector" --version

if [ ! -x "$folder/prometheus" ] && command -v apt-get > /dev/null; then
  package=$(mktemp -d)
  (cd "$package" && apt-get download prometheus && dpkg -x prometheus_*.deb .)
  mv "$package/usr/bin/prometheus" "$package/usr/bin/promtool" "$folder"
  rm -rf "$package"
fi
[ ! -x "$folder/prometheus" ] || "$folder/prometheus" --version 2>&1 | head -1
