#!/usr/bin/env bash
# test_windows.sh [CTEST-ARGUMENT...]: builds for Windows with Debian's cross compiler and runs the
# suites under Wine, but for those of tests/wine_skips.txt, each of which it names with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/skips.sh

name_skips tests/wine_skips.txt Wine

trap 'tools/wine.sh --end' EXIT
tools/wine.sh --begin
# Counts shrink: each system call is a message to Wine's server.
SLUICE_TEST_SCALE=${SLUICE_TEST_SCALE:-0.05} tools/test.sh windows -E "$skipped" "$@"
