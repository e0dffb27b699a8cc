# SPDX-License-Identifier: Apache-2.0
# What Shoal needs from Debian 12, and how it gets there without a question. Sourced, not run.

# Compiles and runs the two programs.
build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libcaf-dev libboost1.74-dev libmsgpack-cxx-dev liblmdb-dev libssl-dev libspdlog-dev
  libtorrent-rasterbar-dev libcurl4-openssl-dev libmaxminddb-dev libcli11-dev libtomlplusplus-dev
  nlohmann-json3-dev libsimdjson-dev libyaml-dev libexpected-dev zlib1g-dev
  ca-certificates curl openssl procps util-linux
)

# Runs deploy/cluster. Debian starts an etcd of its own on port 2379 where systemd runs; ours has
# other ports.
cluster_packages=(etcd-server etcd-client)

# Runs tests/run: the frameworks, the real clients, what checks their output.
test_packages=(
  python3 python3-pytest python3-pytest-timeout python3-pytest-xdist python3-prometheus-client
  python3-websocket python3-requests python3-cryptography chromium
  python3-libtorrent transmission-daemon transmission-cli aria2 qbittorrent-nox rtorrent
  prometheus haproxy faketime iproute2 nftables mount jq git etcd-server etcd-client
  shellcheck python3-yaml python3-kubernetes
  golang-go golang-github-masterminds-sprig-dev golang-github-ghodss-yaml-dev # Helm's engine
  libbenchmark-dev clang-14 libclang-rt-14-dev clang-format-14
)

# Runs tests/bench/run: what Shoal is compared with.
bench_packages=(opentracker nginx-light wrk) # node comes with tests/lib/clients.sh

# Prints those of the given packages that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
      || printf '%s\n' "$package"
  done
}

# Prints the words that must stand before apt-get: nothing for root, sudo for others.
# Fails if this user can become root by neither.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    return 0
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    printf 'sudo -n'
  else
    return 1
  fi
}

# Installs those of the given packages that are missing; says nothing if none is.
ensure_packages() {
  local missing root log
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return 0
  if ! root=$(as_root); then
    echo "missing packages and no way to become root; run: apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "installing: ${missing[*]}"
  log=$(mktemp)
  if ! { $root apt-get update && $root env DEBIAN_FRONTEND=noninteractive \
         apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install: ${missing[*]} (all of its output: $log)" >&2
    return 1
  fi
  rm -f "$log"
}
