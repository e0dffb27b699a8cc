# SPDX-License-Identifier: Apache-2.0
# Installs the clients that npm has and Debian has not. Sourced, not run; expects $top and
# deploy/lib/packages.sh.

# Clean installs from the lock file; done again only when the lock file has changed. --install-links
# copies the shim (tests/clients/shims) instead of linking it, so that it finds its dependency;
# --ignore-scripts keeps packages from downloading binaries from elsewhere.
ensure_npm_clients() {
  local dir=$top/tests/clients stamp log
  stamp=$dir/node_modules/.installed
  cmp -s "$dir/package-lock.json" "$stamp" && return 0
  command -v npm >/dev/null || ensure_packages nodejs npm || return 1
  echo "installing the npm clients ..."
  log=$(mktemp)
  if ! (cd "$dir" && npm ci --install-links --ignore-scripts --no-audit --no-fund) \
      >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    return 1
  fi
  rm -f "$log"
  cp "$dir/package-lock.json" "$stamp"
}
