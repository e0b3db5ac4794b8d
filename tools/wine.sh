#!/usr/bin/env bash
# wine.sh PROGRAM [ARGUMENT...]: runs a Windows program under Wine, in a prefix of our own, and
# hands on its exit code. CMake and the test scripts use it as the emulator.
# wine.sh --begin, --end: makes the prefix if it is not there and keeps Wine's server running, which
# makes the start of a program some ten times faster; ends it, and what still runs there.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
wine=$(command -v wine64 || echo /usr/lib/wine/wine64)
server=$(command -v wineserver64 || echo /usr/lib/wine/wineserver64)
export WINEPREFIX=${SLUICE_WINEPREFIX:-$root/build/wine}
export WINEARCH=win64 WINEDEBUG=${WINEDEBUG:--all}
# No .NET, no browser, no desktop menus: the prefix is made in seconds, without a question. No
# debugger, which would hold up a program that crashes.
export WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe=d;winedbg.exe=d"

case $1 in
  --begin)
    mkdir -p "$WINEPREFIX"
    # Off the pipe: the server would keep its end open. It fails where one is running.
    "$server" -p </dev/null >/dev/null 2>&1 || true
    [ -f "$WINEPREFIX/system.reg" ] || timeout 300 "$wine" wineboot -i </dev/null >/dev/null 2>&1
    ;;
  --end) "$server" -k </dev/null >/dev/null 2>&1 || true ;;
  *) exec "$wine" "$@" ;;
esac
