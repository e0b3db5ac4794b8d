#!/usr/bin/env bash
# install_deps.sh TASK [PRESET]: installs what is missing for a task (see `wanted`).
# install_deps.sh --update: renews the package lists, where that is possible.
#
# Installs Debian's packages as root or with sudo; elsewhere it prints what is needed and fails. It
# probes for the program or the file, not the package: whoever has a compiler from elsewhere is left
# alone. On macOS and the BSDs, where only building and testing is possible, it installs nothing and
# says what is missing.
set -euo pipefail

# package=probe; a probe is a program in the path or a file.
build="cmake=cmake ninja-build=ninja g++=g++"
test="googletest=/usr/src/googletest/googletest/src/gtest-all.cc ccache=ccache python3=python3
  curl=curl gdb=gdb"
clang="clang-19=clang++-19 libclang-rt-19-dev=/usr/lib/llvm-19/lib/clang/19/lib/linux
  llvm-19=/usr/lib/llvm-19/bin/llvm-symbolizer"
check="clang-format-19=clang-format-19 python3=python3 git=git shellcheck=shellcheck
  libbenchmark-dev=/usr/include/benchmark/benchmark.h libasio-dev=/usr/include/asio.hpp"
bench="libbenchmark-dev=/usr/include/benchmark/benchmark.h wrk=wrk python3=python3
  golang-go=${GO_BIN:-go} libasio-dev=/usr/include/asio.hpp gnuplot-nox=gnuplot"
c10k="gnuplot-nox=gnuplot python3=python3"
aarch64="g++-aarch64-linux-gnu=aarch64-linux-gnu-g++ qemu-user-static=qemu-aarch64-static"
windows="g++-mingw-w64-x86-64-posix=x86_64-w64-mingw32-g++-posix wine64=/usr/lib/wine/wine64"
ci="pkgconf=pkg-config binutils=nm libhiredis-dev=/usr/include/hiredis/hiredis.h
  redis-tools=redis-check-rdb
  python3-jsonschema=/usr/lib/python3/dist-packages/jsonschema/__init__.py"
deep="clang-tidy-19=clang-tidy-19"

wanted() {
  case $1 in
    build) echo "$build" ;;
    test) echo "$build $test" ;;
    check) echo "$build $test $clang $check" ;;
    bench) echo "$build $bench" ;;
    c10k) echo "$build $c10k" ;;
    ci) echo "$build $test $clang $check $aarch64 $windows $ci" ;;
    targets) echo "$build $test $aarch64 $windows" ;;
    deep) echo "$build $test $clang $check $aarch64 $windows $ci $deep" ;;
    *)
      echo "usage: install_deps.sh build|test|check|bench|c10k|ci|targets|deep [PRESET]" >&2
      exit 2
      ;;
  esac
  case ${2:-} in
    asan | tsan) echo "$clang" ;;
    aarch64) echo "$aarch64" ;;
    windows) echo "$windows" ;;
  esac
}

as_root=()
find_root() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] && return 0
  as_root=(sudo -n)
  command -v sudo >/dev/null || return 1
  sudo -n true 2>/dev/null && return 0
  # A person at a terminal can be asked for the password; a script cannot.
  [ -t 0 ] && as_root=(sudo)
}
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }

if [ "${1:-}" = --update ]; then
  find_root && apt update
  exit
fi

case $(uname -s) in
  Darwin | *BSD)
    # GoogleTest and llhttp are libraries there: CMake looks for them, and says so if it must.
    for program in cmake ninja; do
      command -v "$program" >/dev/null && continue
      echo "There is no $program. Everything that the build and the tests need:" >&2
      echo "  macOS:   brew install cmake ninja googletest llhttp" >&2
      echo "  FreeBSD: pkg install bash gmake cmake ninja googletest llhttp python3 curl" >&2
      exit 1
    done
    exit 0
    ;;
esac

list=$(wanted "$@")
missing=()
for entry in $list; do
  probe=${entry#*=}
  package=${entry%%=*}
  # Two tasks may want the same package.
  case " ${missing[*]} " in *" $package "*) continue ;; esac
  command -v "$probe" >/dev/null || [ -e "$probe" ] || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0

if ! find_root; then
  {
    echo "These are missing: ${missing[*]}"
    echo "They are the names of Debian 12's packages; as root:"
    echo "  apt-get install --no-install-recommends ${missing[*]}"
  } >&2
  exit 1
fi
echo "installing: ${missing[*]}"
# The lists are often missing in a fresh system, or name versions that are gone.
apt install -y --no-install-recommends "${missing[@]}" >/dev/null 2>&1 ||
  { apt update >/dev/null && apt install -y --no-install-recommends "${missing[@]}"; }
