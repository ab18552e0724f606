#!/usr/bin/env bash
# Builds the images overtone-<service>:<version> and :latest; without arguments all six.
#
#   infra/docker/build.sh [--cuda] [generator|judge|scorer|trainer|evaluator|experiment ...]
#
#   OVERTONE_IMAGE_PREFIX=registry.example.org/   goes before every name
#   OVERTONE_BUILD_NETWORK=host                   network of the build; default: Docker's own
#   NODE_IMAGE, CUDA_IMAGE                        other bases
#
# npm in the build asks the registry that npm here asks, with the same credentials and certificate authorities: as secrets of the build, which
# leave nothing in an image. Proxies are taken from HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

device=cpu
services=()
for argument in "$@"; do
  case "$argument" in
    --cuda) device=cuda ;;
    --*) printf 'build.sh: unknown option %s\n' "$argument" >&2; exit 2 ;;
    *) services+=("$argument") ;;
  esac
done
if ((${#services[@]} == 0)); then
  services=(generator judge scorer trainer evaluator experiment)
  # The other three compute nothing.
  [[ "$device" == cpu ]] || services=(generator trainer experiment)
fi

version="$(node -p 'require("./package.json").version')"
revision="$(git rev-parse HEAD 2>/dev/null || printf unknown)"
suffix=''
[[ "$device" == cpu ]] || suffix="-$device"

secrets="$(mktemp -d)"
trap 'rm -rf "$secrets"' EXIT
registry="$(npm config get registry)"
{
  printf 'registry=%s\n' "$registry"
  userconfig="$(npm config get userconfig)"
  [[ ! -f "$userconfig" ]] || cat "$userconfig"
} >"$secrets/npmrc"
authorities="${NODE_EXTRA_CA_CERTS:-/dev/null}"
[[ -r "$authorities" ]] || authorities=/dev/null
cat "$authorities" >"$secrets/authorities"

options=(--file infra/docker/Dockerfile --build-arg "DEVICE=$device" --build-arg "VERSION=$version" --build-arg "REVISION=$revision"
  --secret "id=npmrc,src=$secrets/npmrc" --secret "id=authorities,src=$secrets/authorities")
for name in NODE_IMAGE CUDA_IMAGE HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  [[ -z "${!name:-}" ]] || options+=(--build-arg "$name=${!name}")
done
[[ -z "${OVERTONE_BUILD_NETWORK:-}" ]] || options+=(--network "$OVERTONE_BUILD_NETWORK")

for service in "${services[@]}"; do
  name="${OVERTONE_IMAGE_PREFIX:-}overtone-$service"
  printf '==> %s:%s%s\n' "$name" "$version" "$suffix"
  DOCKER_BUILDKIT=1 docker build "${options[@]}" --build-arg "SERVICE=$service" \
    --tag "$name:$version$suffix" --tag "$name:latest$suffix" .
done
