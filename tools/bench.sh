#!/usr/bin/env bash
# bench.sh [--quick]: builds the benchmarks into build/release/bench, runs the micro-benchmarks and
# every comparison (bench/compare), writes build/bench/results.json, and renews the figures and the
# picture in docs/performance.md.
#
# --quick: the main ratios only, into build/bench/quick.json; no page is changed.
# BENCH_ROUNDS, BENCH_REQUESTS, BENCH_SECONDS and GO_BIN: see bench/compare/__main__.py.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
  --quick | "") ;;
  *) echo "usage: bench.sh [--quick]" >&2 && exit 2 ;;
esac

tools/fetch_llhttp.sh
if ! grep -qs '^SLUICE_BENCHMARKS:BOOL=ON$' build/release/CMakeCache.txt; then
  # A fresh folder would get the tests too, and this needs none.
  tests=()
  [ -f build/release/CMakeCache.txt ] || tests=(-DSLUICE_TESTS=OFF)
  cmake --preset release -DSLUICE_BENCHMARKS=ON "${tests[@]}"
fi
cmake --build build/release

if [ "${1:-}" = --quick ]; then
  exec python3 bench/compare build/release --quick --json build/bench/quick.json
fi
build/release/bench/micro
python3 bench/compare build/release --json build/bench/results.json \
  --document docs/performance.md --plot docs/performance.svg
