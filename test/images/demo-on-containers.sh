#!/usr/bin/env bash
# The quick demo on containers: builds the six images, starts the five services from them, runs the demo in a seventh container against
# these, and holds its report against that of the same demo on this machine without containers: every number must be the same.
#
#   npm run images:demo                 # builds first
#   npm run images:demo -- --no-build   # with the images that are there
#
# Prints sizes, start-up times, memory, and how long each service took to stop. Needs a Docker daemon on this machine, and root or the group
# `docker`; see infra/docker/README.md for machines that reach no registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

docker info >/dev/null || { printf 'demo-on-containers.sh: no Docker daemon answers\n' >&2; exit 1; }
[[ "${1:-}" == --no-build ]] || infra/docker/build.sh
PATH="$PWD/node_modules/.bin:$PATH" exec node test/images/demo-on-containers.ts
