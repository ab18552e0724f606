#!/usr/bin/env bash
# Makes an image under the name node:24-slim from Debian's and npm's own archives, only for machines that reach these but no registry of
# images. Everywhere else the real one is what the Dockerfile takes. Needs root, debootstrap and npm.
#
#   sudo infra/docker/make-base.sh [image]     default: node:24-slim
#
# The same contents where it matters here: Debian 12 as debootstrap's `minbase` makes it, without manuals and translations; Node of the
# version that package.json names; npm, which only the build uses; the user `node`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

image="${1:-node:24-slim}"
suite=bookworm
mirror="${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
npm_version=11.19.1
case "$(uname -m)" in
  x86_64) platform=linux-x64 ;;
  aarch64) platform=linux-arm64 ;;
  *) printf 'make-base.sh: no Node for %s\n' "$(uname -m)" >&2; exit 2 ;;
esac
node_version="$(node -p "require('./package.json').optionalDependencies['node-$platform']")"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
root="$work/root"

debootstrap --variant=minbase "$suite" "$root" "$mirror"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/var/cache/debconf/*-old
rm -rf "$root"/usr/share/{man,info,locale,lintian,groff,linda}
find "$root/usr/share/doc" ! -type d ! -name copyright -delete
find "$root/usr/share/doc" -type d -empty -delete
# Whoever derives an image from this one wants as little.
printf 'path-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' >"$root/etc/dpkg/dpkg.cfg.d/slim"

# unpack NAME@VERSION FOLDER: an npm package, verified by npm.
unpack() {
  mkdir -p "$2"
  npm pack --silent --pack-destination "$work" "$1" >"$work/name"
  tar --extract --gzip --file "$work/$(tail -1 "$work/name")" --directory "$2" --strip-components 1 --no-same-owner
}
unpack "node-$platform@$node_version" "$work/node"
install -m 755 "$work/node/bin/node" "$root/usr/local/bin/node"
unpack "npm@$npm_version" "$root/usr/local/lib/node_modules/npm"
chmod -R a+rX "$root/usr/local/lib/node_modules"
for tool in npm npx; do ln -s "../lib/node_modules/npm/bin/$tool-cli.js" "$root/usr/local/bin/$tool"; done
chroot "$root" groupadd --gid 1000 node
chroot "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node
: >"$root/etc/machine-id"

tar --create --numeric-owner --sort=name --directory "$root" . |
  docker import --change "ENV NODE_VERSION=$node_version" --change 'CMD ["node"]' - "$image"
docker run --rm --network none "$image" node -p '`${process.version} on ${process.platform} ${process.arch}`'
