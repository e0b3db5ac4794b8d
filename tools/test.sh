#!/usr/bin/env bash
# test.sh PRESET [CTEST-ARGUMENT...]: builds build/PRESET with its tests and runs them by ctest.
#
# SLUICE_TEST_SCALE (default 1) multiplies the counts of the stress tests.
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
tools/fetch_llhttp.sh
if ! grep -qs '^SLUICE_TESTS:BOOL=ON$' "build/$preset/CMakeCache.txt" ||
  [ ! -f "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" -DSLUICE_TESTS=ON
fi
cmake --build "build/$preset"

# What a sanitizer finds must end the test, with every stack that it knows, by name.
common=halt_on_error=1
symbolizer=/usr/lib/llvm-19/bin/llvm-symbolizer
[ ! -x "$symbolizer" ] || common=$common:external_symbolizer_path=$symbolizer
tsan=$common:second_deadlock_stack=1:suppressions=$PWD/tools/tsan.supp
export TSAN_OPTIONS=${TSAN_OPTIONS:-$tsan}
export ASAN_OPTIONS=${ASAN_OPTIONS:-$common:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-$common:print_stacktrace=1}

ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --no-label-summary \
  -j "$(getconf _NPROCESSORS_ONLN)" "$@"
