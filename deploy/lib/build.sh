# SPDX-License-Identifier: Apache-2.0
# Configures and builds with CMake's presets. Sourced, not run; expects $top, the checkout.

# build_preset PRESET TARGET... : builds the targets into build/PRESET; a failure is shown whole.
# Extra CMake arguments of the first configuration: the array cmake_arguments, if set.
build_preset() {
  local preset=$1 log status=0
  shift
  mkdir -p "$top/build"
  log=$top/build/$preset.log
  (
    flock 9 # Two builds in one tree would trample on each other.
    cd "$top" || exit 1
    if [ ! -f "build/$preset/build.ninja" ]; then
      cmake --preset "$preset" "${cmake_arguments[@]}" || exit 1
    fi
    cmake --build "build/$preset" --target "$@"
  ) 9>"$top/build/.lock" >"$log" 2>&1 || status=$? # Told below, also under `set -e`.
  if [ $status -ne 0 ]; then
    grep -E 'error:|CMake Error|undefined reference|No space' "$log" | head -n 20 >&2
    echo "the $preset build failed (all of its output: $log)" >&2
  fi
  return $status
}
