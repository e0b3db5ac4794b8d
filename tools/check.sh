#!/usr/bin/env bash
# check.sh: everything that can be said about the sources without running them, and the checkers'
# own tests. Goes on after a failure, so that one run shows all.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
step() {
  local name=$1
  shift
  local begin=$SECONDS
  if "$@"; then
    echo "check: $name: ok ($((SECONDS - begin)) s)"
  else
    echo "check: $name: FAILED"
    failed+=("$name")
  fi
}
quiet_build() {
  local preset=$1 log
  log=build/$preset.log
  mkdir -p build
  if ! { cmake --preset "$preset" && cmake --build "build/$preset" -- -k 0; } >"$log" 2>&1; then
    grep -E '(error|warning): |CMake Error' -A 4 "$log" | head -n 80
    return 1
  fi
}

step "checkers find planted faults" python3 tools/selftest.py
step "format" tools/check_format.sh
step "layers" python3 tools/check_layers.py
step "sizes" python3 tools/check_sizes.py
step "park safety" python3 tools/check_park_safety.py
tools/fetch_llhttp.sh
step "no warnings, headers alone: g++" quiet_build check-gcc
step "no warnings, headers alone: clang-19" quiet_build check-clang

if [ ${#failed[@]} -gt 0 ]; then
  echo "check: failed: ${failed[*]}"
  exit 1
fi
echo "check: all is well"
