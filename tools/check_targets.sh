#!/usr/bin/env bash
# check_targets.sh: compiles every backend that there is on this one machine, so that nobody breaks
# a platform that he does not have: Linux (epoll, io_uring, and kqueue over its shim), Linux on
# AArch64, Windows, and macOS on both processors, where npm has a compiler for it. Nothing is run.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/steps.sh

# target PRESET BUILD-TARGET...
target() {
  local preset=$1
  shift
  mkdir -p build
  { cmake --preset "$preset" && cmake --build "build/$preset" --target "$@"; } \
    >"build/target-$preset.log" 2>&1 || { tail -n 40 "build/target-$preset.log" && return 1; }
}

tools/fetch_llhttp.sh
libraries=(sluice sluice_http)
# Linking a program shows what the headers promise and no library has.
macos=("${libraries[@]}" sluice_testing examples_http_server examples_echo_server)
step "Linux: epoll, io_uring" target debug "${libraries[@]}"
step "Linux: kqueue over its shim" target debug sluice_kqueue_shim
step "Linux on AArch64" target aarch64 "${libraries[@]}"
step "Windows: completion ports" target windows "${libraries[@]}" examples_http_server
export ZIG_GLOBAL_CACHE_DIR=$PWD/build/third_party/zig/cache
export ZIG_LOCAL_CACHE_DIR=$ZIG_GLOBAL_CACHE_DIR
if tools/fetch_zig.sh; then
  step "macOS on x86-64: kqueue" target macos-x86_64 "${macos[@]}"
  step "macOS on AArch64: kqueue" target macos-aarch64 "${macos[@]}"
else
  echo "*** NOT CHECKED: macOS on x86-64 and on AArch64: no Zig, which comes from npm ***"
fi
finish targets
