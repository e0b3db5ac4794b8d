#!/usr/bin/env bash
# c10k.sh: builds what bench/c10k.py runs, and runs it; its results are in build/c10k.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/build.sh release examples_echo_server bench_c10k_clients bench_thread_echo
exec python3 bench/c10k.py build/release build/c10k
