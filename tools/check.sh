#!/usr/bin/env bash
# check.sh: everything that can be said about the sources without running them, and the checkers'
# own tests.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh

quiet_build() {
  local preset=$1 log
  log=build/$preset.log
  mkdir -p build
  if ! { cmake --preset "$preset" -DSLUICE_BENCHMARKS=ON &&
    cmake --build "build/$preset" -- -k 0; } >"$log" 2>&1; then
    grep -E '(error|warning): |CMake Error' -A 4 "$log" | head -n 80
    return 1
  fi
}

step "the checkers find planted faults" python3 tools/selftest.py
step "the sums of make c10k" python3 bench/c10k_selftest.py
step "the comparisons compute rightly" python3 bench/compare/selftest.py
step "format" tools/check_format.sh
step "layers" python3 tools/check_layers.py
step "sizes" python3 tools/check_sizes.py
step "park safety" python3 tools/check_park_safety.py
step "the guides' programs" python3 tools/check_guides.py
step "shell scripts" tools/check_shell.sh
step "llhttp is there" tools/fetch_llhttp.sh
step "no warnings, headers alone: g++" quiet_build check-gcc
step "no warnings, headers alone: clang-19" quiet_build check-clang
finish check
