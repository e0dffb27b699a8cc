# SPDX-License-Identifier: Apache-2.0
# Installs the clients that npm has and Debian has not. Sourced, not run; expects $top and
# deploy/lib/packages.sh.

# A clean installation from the lock file, made again only when that has changed. --ignore-scripts
# keeps packages from downloading binaries from elsewhere; where WebTorrent needs one of those, the
# shim puts a package of npm in its place.
ensure_npm_clients() {
  local dir=$top/tests/clients stamp log
  stamp=$dir/node_modules/.installed
  cmp -s "$dir/package-lock.json" "$stamp" && return 0
  command -v npm >/dev/null || ensure_packages nodejs npm || return 1
  echo "installing the npm clients ..."
  log=$(mktemp)
  if ! (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund) \
      >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    return 1
  fi
  rm -rf "$log" "$dir/node_modules/webrtc-polyfill"
  cp -r "$dir/shims/webrtc-polyfill" "$dir/node_modules/"
  cp "$dir/package-lock.json" "$stamp"
}
