#!/usr/bin/env bash
# A Kubernetes API without nodes: etcd, kube-apiserver and, where it is there, kube-controller-manager on loopback, from what fetch-api-server.sh
# has built. Objects are stored, checked and acted upon; pods are made and stay pending, since nothing runs them.
#
#   test/k8s/api-server.sh FOLDER
#
# Writes FOLDER/kubeconfig, prints "ready" and stays until it is ended by a signal; then nothing is left but the logs in FOLDER.
set -euo pipefail
folder="$(mkdir -p "${1:?a folder for data, logs and the kubeconfig}" && cd "$1" && pwd)"
bin="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.cache/overtone/kubernetes/bin"
umask 077
# Those of the distribution do as well.
program() {
  if [[ -x "$bin/$1" ]]; then echo "$bin/$1"; else command -v "$1"; fi
}

read -r etcd_port peer_port api_port <<<"$(node -e '
  const servers = [1, 2, 3].map(() => require("node:net").createServer().listen(0, "127.0.0.1"));
  setTimeout(() => {
    console.log(servers.map((server) => server.address().port).join(" "));
    servers.forEach((server) => server.close());
  }, 50);')"
token="$(openssl rand -hex 24)"
printf '%s,admin,admin,system:masters\n' "$token" >"$folder/tokens.csv"
openssl genrsa -out "$folder/accounts.key" 2048 2>"$folder/openssl.log"

pids=()
# shellcheck disable=SC2317
stop() {
  trap - EXIT INT TERM
  # In the order of their start, so that none writes into what is gone.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[$i]}" 2>/dev/null || true
    wait "${pids[$i]}" 2>/dev/null || true
  done
  rm -rf "$folder/etcd" "$folder/certificates" "$folder/tokens.csv" "$folder/accounts.key" "$folder/kubeconfig"
}
trap stop EXIT
trap 'exit 0' INT TERM

"$(program etcd)" --data-dir "$folder/etcd" --unsafe-no-fsync --log-level warn \
  --listen-client-urls "http://127.0.0.1:$etcd_port" --advertise-client-urls "http://127.0.0.1:$etcd_port" \
  --listen-peer-urls "http://127.0.0.1:$peer_port" >"$folder/etcd.log" 2>&1 &
pids+=($!)
"$bin/kube-apiserver" --etcd-servers "http://127.0.0.1:$etcd_port" --bind-address 127.0.0.1 --secure-port "$api_port" \
  --cert-dir "$folder/certificates" --token-auth-file "$folder/tokens.csv" --authorization-mode RBAC --anonymous-auth=false \
  --service-account-key-file "$folder/accounts.key" --service-account-signing-key-file "$folder/accounts.key" \
  --service-account-issuer https://kubernetes.default.svc --service-cluster-ip-range 10.96.0.0/16 \
  --endpoint-reconciler-type none >"$folder/kube-apiserver.log" 2>&1 &
pids+=($!)

cat >"$folder/kubeconfig" <<KUBECONFIG
apiVersion: v1
kind: Config
clusters: [{ name: local, cluster: { server: 'https://127.0.0.1:$api_port', certificate-authority: $folder/certificates/apiserver.crt } }]
users: [{ name: admin, user: { token: $token } }]
contexts: [{ name: local, context: { cluster: local, user: admin } }]
current-context: local
KUBECONFIG

for ((i = 0; ; i++)); do
  "$(program kubectl)" --kubeconfig "$folder/kubeconfig" get --raw /readyz >/dev/null 2>&1 && break
  if ((i > 240)) || ! kill -0 "${pids[1]}" 2>/dev/null; then
    tail -n 5 "$folder/kube-apiserver.log" >&2
    exit 1
  fi
  sleep 0.5
done
if [[ -x "$bin/kube-controller-manager" ]]; then
  "$bin/kube-controller-manager" --kubeconfig "$folder/kubeconfig" --bind-address 127.0.0.1 --secure-port 0 --leader-elect=false \
    --service-account-private-key-file "$folder/accounts.key" --use-service-account-credentials=false \
    --terminated-pod-gc-threshold 0 >"$folder/kube-controller-manager.log" 2>&1 &
  pids+=($!)
fi
echo ready
# Until it is told to end, or one of them dies.
wait -n "${pids[@]}" || true
