#!/usr/bin/env bash
# check_all.sh: the deep, slow rest: the suites under sanitizers and migration at full counts, over
# epoll, io_uring and the kqueue shim; AArch64 under qemu, Windows under Wine, the install tests,
# clang-tidy, and migration with link-time optimisation.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh

tidy() {
  cmake --preset check-clang >build/tidy.log
  local sources='/src/.*(?<!_test)(?<!_bench)[.]cc$'
  python3 "$(command -v run-clang-tidy-19)" -clang-tidy-binary clang-tidy-19 -quiet -j "$(nproc)" \
    -p build/check-clang "$sources" >>build/tidy.log 2>&1 ||
    { grep -E '(warning|error): ' -A 3 build/tidy.log | head -n 80 && return 1; }
}

# What is inlined across files may keep what belongs to a thread.
build_lto() {
  local preset=$1
  if ! { cmake --preset "$preset" -B "build/$preset-lto" -DSLUICE_TESTS=ON -DSLUICE_MIGRATE=ON \
    -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON -DCMAKE_CXX_FLAGS_DEBUG="-O3 -g1" &&
    cmake --build "build/$preset-lto"; } >"build/$preset-lto.log" 2>&1; then
    tail -n 40 "build/$preset-lto.log"
    return 1
  fi
}

# The search for cached thread-locals knows x86-64's switch.
lto() {
  build_lto migrate || return 1
  if [ "$(uname -m)" = x86_64 ]; then
    python3 tools/check_lto.py build/migrate-lto/{sched,net}_test || return 1
  fi
  ctest --test-dir build/migrate-lto --output-on-failure --no-tests=error -j "$(nproc)"
}

# Qemu and Wine take some twenty times as long.
emulated() { env SLUICE_TEST_SCALE=0.1 "$@"; }

lto_aarch64() { build_lto aarch64 && emulated tools/test_aarch64.sh --built build/aarch64-lto; }

export SLUICE_TEST_SCALE=${SLUICE_TEST_SCALE:-1}
step "what make check looks at" tools/check.sh
for preset in debug asan tsan migrate; do
  step "tests: $preset" tools/test.sh "$preset"
  step "tests: $preset, io_uring" env SLUICE_POLLER=io_uring tools/test.sh "$preset"
  step "tests: $preset, kqueue's shim" env SLUICE_POLLER=kqueue-shim \
    tools/test.sh "$preset" -LE examples
done
step "tests: AArch64" emulated tools/test_aarch64.sh
step "tests: Windows" emulated tools/test_windows.sh
step "every target compiles" tools/check_targets.sh
step "install tests" tests/install/run.sh
step "tests: migrate with link-time optimisation" lto
step "tests: migrate with link-time optimisation, AArch64" lto_aarch64
step "clang-tidy" tidy
finish check-all
