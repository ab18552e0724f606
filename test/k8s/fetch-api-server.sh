#!/usr/bin/env bash
# Builds what a Kubernetes control plane needs to store, check and act upon objects from the Go module proxy, into .cache/overtone/kubernetes:
# kube-apiserver and kube-controller-manager 1.36.3, kubectl and etcd where there are none; beside them, the API's own description and
# cert-manager's resource definitions. Takes a quarter of an hour on two cores and 3 GB of disk for Go's caches. Needs Go 1.26 or later. Does
# nothing for what is there.
#
# GOFLAGS=-p=1 builds on one core.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
kubernetes=1.36.3
cert_manager=1.21.2
home="$PWD/.cache/overtone/kubernetes"

field() { # name; reads what `go mod download -json` says
  sed -n "s/^\t\"$1\": \"\(.*\)\",\$/\1/p"
}

build() { # name, package
  [[ -x "$home/bin/$1" ]] && return
  echo "building $1" >&2
  # Whole or not at all.
  CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags "-s -w $stamp" -o "$scratch/$1" "$2"
  mv "$scratch/$1" "$home/bin/$1"
}

main() {
  mkdir -p "$home/bin"
  scratch="$(mktemp -d)"
  trap 'rm -rf "$scratch"' EXIT
  cd "$scratch"
  local source module_file folder
  source="$(go mod download -json "k8s.io/kubernetes@v$kubernetes")"
  module_file="$(field GoMod <<<"$source")"
  if [[ ! -f "$home/swagger.json" ]]; then
    install -m 644 "$(field Dir <<<"$source")/api/openapi-spec/swagger.json" "$scratch/swagger.json"
    mv "$scratch/swagger.json" "$home/swagger.json"
  fi
  if [[ ! -d "$home/crds" ]]; then
    folder="$(go mod download -json "github.com/cert-manager/cert-manager@v$cert_manager" | field Dir)"
    mkdir "$scratch/crds"
    install -m 644 "$folder"/deploy/crds/*.yaml "$scratch/crds/"
    mv "$scratch/crds" "$home/crds"
  fi

  # Kubernetes is made to be built in its own repository, where its libraries lie beside it: here they come from their own modules.
  {
    printf 'module kubernetes\n\ngo 1.26.0\n\ngodebug default=go1.26\n\nrequire k8s.io/kubernetes v%s\n\nreplace (\n' "$kubernetes"
    sed -n "s|^\t\(k8s.io/[a-z0-9-]*\) => ./staging/src/.*|\t\1 => \1 v0${kubernetes#1}|p" "$module_file"
    printf ')\n'
  } >go.mod
  stamp="-X k8s.io/component-base/version.gitVersion=v$kubernetes -X k8s.io/component-base/version.gitMajor=1"
  stamp+=" -X k8s.io/component-base/version.gitMinor=$(cut -d. -f2 <<<"$kubernetes")"
  build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
  build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
  # A distribution's (etcd-server, kubectl) do as well.
  command -v etcd >/dev/null || build etcd go.etcd.io/etcd/server/v3
  command -v kubectl >/dev/null || build kubectl k8s.io/kubernetes/cmd/kubectl
}

main
