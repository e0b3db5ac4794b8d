#!/usr/bin/env bash
# build.sh PRESET [TARGET...]: configures build/PRESET where that has not happened yet, and builds.
#
# A fresh folder is configured without tests and benchmarks, so that `make run` needs neither's
# packages; test.sh and bench.sh turn theirs on in the same folder, and nothing turns them off again
# (the library would not be rebuilt, but the tests would vanish and come back at each command).
set -euo pipefail
cd "$(dirname "$0")/.."

preset=$1
shift
tools/fetch_llhttp.sh
if [ ! -f "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" -DSLUICE_TESTS=OFF -DSLUICE_BENCHMARKS=OFF
fi
cmake --build "build/$preset" ${1:+--target "$@"}
