#!/usr/bin/env bash
# run.sh: uses sluice in every way that the README names, from another folder: installed and found
# by CMake and by pkg-config, as a subfolder, static and shared, and with sanitizers in the user's
# program but not in the library; and whether gdb sees its fibers.
set -euo pipefail
house=$(cd "$(dirname "$0")/../.." && pwd)
cd "$house"
source tools/steps.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
consumer=$house/tests/install/consumer
components=
programs=(consumer)
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

# all_say_ok FOLDER: runs each consumer that was built there.
all_say_ok() {
  local source
  for source in "${programs[@]}"; do says_ok "$1/$source" || return 1; done
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
    all_say_ok "$build"
}

# A component that does not exist must be refused, not ignored.
unknown_component_is_refused() {
  ! cmake -G Ninja -S "$consumer" -B "$scratch/build-unknown" \
    -DCMAKE_PREFIX_PATH="$scratch/static" -DCONSUMER_COMPONENTS=telepathy >"$scratch/log" 2>&1 &&
    grep -q "without the component telepathy" "$scratch/log"
}

# compile SOURCE OUTPUT KIND COMPILER FLAG...: builds a consumer with pkg-config's flags alone.
compile() {
  local source=$1 output=$2 kind=$3 flags package=sluice
  shift 3
  [ "$source" = consumer ] || package=sluice-http
  flags=$(PKG_CONFIG_PATH=$scratch/$kind/lib/pkgconfig pkg-config --cflags --libs "$package") ||
    return 1
  # The flags are a list of words.
  # shellcheck disable=SC2086
  quiet "$@" -std=c++23 "$consumer/$source.cc" -o "$output" $flags
}

found_by_pkg_config() {
  local source
  for source in "${programs[@]}"; do
    compile "$source" "$scratch/pkg-$source-$1" "$1" "$CXX" &&
      says_ok "$scratch/pkg-$source-$1" || return 1
  done
}

# The commands that are installed find the fibers of a program with that library.
seen_by_gdb() {
  local said
  said=$(LD_LIBRARY_PATH=$scratch/shared/lib timeout 60 gdb -nx -batch \
    -ex "source $scratch/$1/share/sluice/gdb/sluice.py" -ex "set breakpoint pending on" \
    -ex "break sluice::rt::park" -ex run -ex "info fibers" -ex "fiber 1 bt" \
    "$scratch/pkg-consumer-$1" 2>&1)
  { grep -q "^. fiber 1" <<<"$said" && grep -q "^#[0-9]* .*sluice_fiber_entry" <<<"$said"; } ||
    { echo "gdb said: $said" && return 1; }
}

no_private_symbols() {
  local exported
  exported=$(nm -D --defined-only "$scratch"/shared/lib/libsluice*.so |
    grep -E ' (llhttp|backtrace)_') || true
  [ -z "$exported" ] || { echo "exported: $exported" && return 1; }
}

embedded() {
  local kind=$1 build=$scratch/embed-$1
  quiet cmake -G Ninja -S tests/install/embedding -B "$build" -DSLUICE_FOLDER="$house" \
    -DSLUICE_HTTP="$([ -n "$components" ] && echo ON || echo OFF)" \
    -DSLUICE_SHARED="$([ "$kind" = shared ] && echo ON || echo OFF)" &&
    quiet cmake --build "$build" --target "${programs[@]}" &&
    all_say_ok "$build"
}

# The library is the release one, and knows nothing of the sanitizer in the program.
under_sanitizer() {
  local compiler=$1 sanitizer=$2 source output
  local options=halt_on_error=1:detect_stack_use_after_return=1
  for source in "${programs[@]}"; do
    output=$scratch/$source-$1-$2
    compile "$source" "$output" static "$compiler" -g1 -O1 "-fsanitize=$sanitizer" &&
      TSAN_OPTIONS=halt_on_error=1 ASAN_OPTIONS=$options says_ok "$output" || return 1
  done
}

step "llhttp is there" tools/fetch_llhttp.sh
for kind in static shared; do step "install: $kind" install_kind "$kind"; done
[ ! -f "$scratch/static/lib/libsluice_http.a" ] ||
  { components=http && programs=(consumer http_consumer); }
for kind in static shared; do
  step "find_package: $kind" found_by_cmake "$kind"
  step "pkg-config: $kind" found_by_pkg_config "$kind"
  step "gdb: $kind" seen_by_gdb "$kind"
  step "add_subdirectory: $kind" embedded "$kind"
done
step "an unknown component is refused" unknown_component_is_refused
step "the shared libraries hide llhttp and libbacktrace" no_private_symbols
step "user's program with clang's AddressSanitizer" under_sanitizer clang++-19 address
step "user's program with clang's ThreadSanitizer" under_sanitizer clang++-19 thread
step "user's program with g++'s AddressSanitizer" under_sanitizer g++ address
finish install
