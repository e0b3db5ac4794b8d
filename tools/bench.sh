#!/usr/bin/env bash
# bench.sh: builds the benchmarks into build/release/bench, runs the micro-benchmarks, then every
# comparison: bench/*.sh, with the build folder as argument.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/fetch_llhttp.sh
if ! grep -qs '^SLUICE_BENCHMARKS:BOOL=ON$' build/release/CMakeCache.txt; then
  # A fresh folder would get the tests too, and this needs none.
  tests=()
  [ -f build/release/CMakeCache.txt ] || tests=(-DSLUICE_TESTS=OFF)
  cmake --preset release -DSLUICE_BENCHMARKS=ON "${tests[@]}"
fi
cmake --build build/release

ran=0
if [ -x build/release/bench/micro ]; then
  build/release/bench/micro
  ran=1
fi
for comparison in bench/*.sh; do
  [ -x "$comparison" ] || continue
  "$comparison" "$PWD/build/release"
  ran=1
done
[ "$ran" = 1 ] || { echo "bench.sh: there is no benchmark" >&2 && exit 1; }
