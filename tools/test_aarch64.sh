#!/usr/bin/env bash
# test_aarch64.sh [CTEST-ARGUMENT...]: builds for AArch64 and runs the suites under qemu's user
# mode, but for those of tests/qemu_skips.txt, each of which it names with its reason.
# test_aarch64.sh --built FOLDER [CTEST-ARGUMENT...]: runs those of a folder that is built already.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/skips.sh

name_skips tests/qemu_skips.txt qemu

# Counts shrink: qemu makes everything some twenty times slower.
export SLUICE_TEST_SCALE=${SLUICE_TEST_SCALE:-0.02}
if [ "${1:-}" = --built ]; then
  folder=$2
  shift 2
  exec ctest --test-dir "$folder" --output-on-failure --no-tests=error --no-label-summary \
    -j "$(nproc)" -E "$skipped" "$@"
fi
exec tools/test.sh aarch64 -E "$skipped" "$@"
