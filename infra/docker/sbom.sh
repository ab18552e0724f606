#!/usr/bin/env bash
# Writes the bill of materials of an image's npm packages as CycloneDX (or SPDX) to standard output.
#
#   infra/docker/sbom.sh overtone-generator:0.1.0 [cyclonedx|spdx] >generator.cdx.json
#
# Read from the packages that are in the image, not from what was asked for. Debian's are in its /var/lib/dpkg/status, where scanners look.
set -euo pipefail

image="${1:?usage: sbom.sh IMAGE [cyclonedx|spdx]}"
work="$(mktemp -d)"
container="$(docker create "$image")"
trap 'docker rm "$container" >/dev/null; rm -rf "$work"' EXIT
docker cp "$container:/opt/overtone" "$work/application" >/dev/null
cd "$work/application"
npm sbom --sbom-format "${2:-cyclonedx}" --loglevel error
