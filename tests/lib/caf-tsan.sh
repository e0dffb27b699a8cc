# SPDX-License-Identifier: Apache-2.0
# CAF's core library with ThreadSanitizer: Debian's is not instrumented, so every hand-over between
# threads inside of it would be reported as a race. Sourced, not run; expects $top and packages.sh.

# Writes deb-src twins of this machine's Debian sources to the file $1, without touching the system.
source_lists() {
  local file
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] && sed -n 's/^deb \(.*bookworm\)/deb-src \1/p' "$file"
  done >"$1.list"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] && grep -q bookworm "$file" || continue
    sed 's/^Types:.*/Types: deb-src/' "$file"
    echo
  done >"$1.sources"
}

# Fetches the upstream source of the installed libcaf-dev into the folder source.
fetch_caf_source() {
  local apt package version
  mkdir -p apt/parts apt/lists/partial apt/cache/archives/partial
  source_lists apt/parts/caf
  apt=(apt-get -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$PWD/apt/parts"
       -o "Dir::State::lists=$PWD/apt/lists" -o "Dir::Cache=$PWD/apt/cache" -o APT::Sandbox::User=)
  read -r package version < <(dpkg-query -W -f '${source:Package} ${source:Version}\n' libcaf-dev)
  "${apt[@]}" update || true # A list that we do not need may be unreachable.
  "${apt[@]}" source --tar-only "$package=$version" || return 1
  mkdir -p source && tar -xf "$package"_*.orig.tar.* -C source --strip-components=1
}

build_caf_tsan() {
  fetch_caf_source || return 1
  cmake -S source -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_CXX_FLAGS="-fsanitize=thread -fno-omit-frame-pointer -w" \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache)" -DCAF_LOG_LEVEL=QUIET \
    -DCAF_NO_EXAMPLES=ON -DCAF_NO_UNIT_TESTS=ON -DCAF_NO_TOOLS=ON -DCAF_NO_PYTHON=ON \
    -DCAF_NO_OPENCL=ON -DCAF_NO_OPENSSL=ON -DCAF_NO_IO=ON || return 1
  cmake --build build || return 1
  mkdir -p lib && cp -a "$(dirname "$(find build -name 'libcaf_core.so' | head -n 1)")"/libcaf_core* lib/
}

# Prints the folder whose lib/ has the library; builds it the first time (about five minutes).
ensure_caf_tsan() {
  local root=$top/build/caf-tsan
  if [ ! -e "$root/lib/libcaf_core.so" ]; then
    ensure_packages dpkg-dev >&2 || return 1
    rm -rf "$root"
    mkdir -p "$root"
    if ! (cd "$root" && build_caf_tsan) >"$root.log" 2>&1; then
      tail -n 20 "$root.log" >&2
      echo "CAF could not be built with ThreadSanitizer (all of the output: $root.log)" >&2
      return 1
    fi
  fi
  printf '%s' "$root"
}
