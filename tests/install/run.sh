#!/usr/bin/env bash
# run.sh: uses sluice in every way that the README names, from another folder: installed and found
# by CMake and by pkg-config, as a subfolder, static and shared, and with sanitizers in the user's
# program but not in the library.
set -euo pipefail
house=$(cd "$(dirname "$0")/../.." && pwd)
cd "$house"
source tools/steps.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
consumer=$house/tests/install/consumer
components=
export CXX=g++
# What is built in the scratch folder is found again in the next run.
export CCACHE_BASEDIR=$house CCACHE_NOHASHDIR=1
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

# Runs a command; prints what it said only if it failed.
quiet() {
  "$@" >"$scratch/log" 2>&1 || { tail -n 40 "$scratch/log" && return 1; }
}

# Runs a consumer, which must say that it is well and nothing else.
says_ok() {
  local said
  said=$(LD_LIBRARY_PATH=$scratch/shared/lib timeout 60 "$@" 2>&1) ||
    { echo "$* ended with an error: $said" && return 1; }
  [ "$said" = "consumer: ok" ] || { echo "$* said: $said" && return 1; }
}

# Builds KIND (static or shared) and installs it. It is moved afterwards, so that a path of the
# prefix baked into a file is found out.
install_kind() {
  local kind=$1 build=build/install-$1
  quiet env -u CMAKE_CXX_COMPILER_LAUNCHER \
    cmake --preset release -B "$build" -DSLUICE_TESTS=OFF -DSLUICE_EXAMPLES=OFF \
    -DSLUICE_SHARED="$([ "$kind" = shared ] && echo ON || echo OFF)" &&
    quiet cmake --build "$build" &&
    quiet cmake --install "$build" --prefix "$scratch/first-$kind" &&
    mv "$scratch/first-$kind" "$scratch/$kind"
}

found_by_cmake() {
  local kind=$1 build=$scratch/build-$1
  quiet cmake -G Ninja -S "$consumer" -B "$build" -DCMAKE_PREFIX_PATH="$scratch/$kind" \
    -DCONSUMER_COMPONENTS="$components" &&
    quiet cmake --build "$build" &&
    says_ok "$build/consumer" &&
    { [ -z "$components" ] || says_ok "$build/http_consumer"; }
}

# A component that does not exist must be refused, not ignored.
unknown_component_is_refused() {
  ! cmake -G Ninja -S "$consumer" -B "$scratch/build-unknown" \
    -DCMAKE_PREFIX_PATH="$scratch/static" -DCONSUMER_COMPONENTS=telepathy >"$scratch/log" 2>&1 &&
    grep -q "without the component telepathy" "$scratch/log"
}

# compile OUTPUT KIND COMPILER FLAG...: builds the consumer with pkg-config's flags alone.
compile() {
  local output=$1 kind=$2 flags package=sluice
  shift 2
  [ -z "$components" ] || package=sluice-http
  flags=$(PKG_CONFIG_PATH=$scratch/$kind/lib/pkgconfig pkg-config --cflags --libs "$package") ||
    return 1
  # The flags are a list of words.
  # shellcheck disable=SC2086
  quiet "$@" -std=c++23 "$consumer/consumer.cc" -o "$output" $flags
}

found_by_pkg_config() {
  compile "$scratch/pkg-$1" "$1" "$CXX" && says_ok "$scratch/pkg-$1"
}

no_private_symbols() {
  local exported
  exported=$(nm -D --defined-only "$scratch"/shared/lib/libsluice*.so | grep -E ' llhttp_') || true
  [ -z "$exported" ] || { echo "exported: $exported" && return 1; }
}

embedded() {
  local kind=$1 build=$scratch/embed-$1
  quiet cmake -G Ninja -S tests/install/embedding -B "$build" -DSLUICE_FOLDER="$house" \
    -DSLUICE_HTTP="$([ -n "$components" ] && echo ON || echo OFF)" \
    -DSLUICE_SHARED="$([ "$kind" = shared ] && echo ON || echo OFF)" &&
    quiet cmake --build "$build" --target consumer &&
    says_ok "$build/consumer"
}

# The library is the release one, and knows nothing of the sanitizer in the program.
under_sanitizer() {
  local compiler=$1 sanitizer=$2 output=$scratch/$1-$2
  compile "$output" static "$compiler" -g1 -O1 "-fsanitize=$sanitizer" || return 1
  local options=halt_on_error=1:detect_stack_use_after_return=1
  TSAN_OPTIONS=halt_on_error=1 ASAN_OPTIONS=$options says_ok "$output"
}

step "llhttp is there" tools/fetch_llhttp.sh
for kind in static shared; do step "install: $kind" install_kind "$kind"; done
[ ! -f "$scratch/static/lib/libsluice_http.a" ] || components=http
for kind in static shared; do
  step "find_package: $kind" found_by_cmake "$kind"
  step "pkg-config: $kind" found_by_pkg_config "$kind"
  step "add_subdirectory: $kind" embedded "$kind"
done
step "an unknown component is refused" unknown_component_is_refused
step "the shared library hides llhttp" no_private_symbols
step "user's program with clang's AddressSanitizer" under_sanitizer clang++-19 address
step "user's program with clang's ThreadSanitizer" under_sanitizer clang++-19 thread
step "user's program with g++'s AddressSanitizer" under_sanitizer g++ address
finish install
