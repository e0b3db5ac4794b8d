#!/usr/bin/env bash
# check_all.sh: the deep, slow rest: the suites under sanitizers and migration at full counts, the
# install tests, clang-tidy.
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

export SLUICE_TEST_SCALE=${SLUICE_TEST_SCALE:-1}
step "what make check looks at" tools/check.sh
for preset in debug asan tsan migrate; do
  step "tests: $preset" tools/test.sh "$preset"
done
step "install tests" tests/install/run.sh
step "clang-tidy" tidy
finish check-all
