# lib.sh: sourced by the tests of the examples. Starts a server on a port that the system picks,
# waits for its "listening on HOST:PORT", and stops it with a signal.
#
# Programs of another system: SLUICE_EMULATOR is what runs them (words, divided by blanks), and
# SLUICE_EXECUTABLE_SUFFIX what their names end in.
# shellcheck shell=bash

build=$1
suffix=${SLUICE_EXECUTABLE_SUFFIX:-}
read -ra emulator <<<"${SLUICE_EMULATOR:-}"
scratch=$(mktemp -d)
running=()
clean_up() {
  local pid
  for pid in "${running[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap clean_up EXIT

fail() {
  echo "FAILED: $*" >&2
  for log in "$scratch"/*.log; do [ ! -f "$log" ] || { echo "--- $log" && cat "$log"; } >&2; done
  exit 1
}

# expect WHAT SAID EXPECTED
expect() { [ "$2" = "$3" ] || fail "$1: \"$2\" instead of \"$3\""; }

# run NAME ARGUMENT...: runs the example to its end and hands on its status. Windows programs end
# their lines in their own way.
run() { timeout 60 "${emulator[@]}" "$build/examples/$1$suffix" "${@:2}" | tr -d '\r'; }

# start NAME ARGUMENT...: starts the example; sets `address` and `pid`.
start() {
  local name=$1 log tries
  shift
  log=$scratch/$name.log
  : >"$log"  # the reader below may come before the shell has opened it for the server
  # Without job control the shell would start it with SIGINT ignored.
  set -m
  "${emulator[@]}" "$build/examples/$name$suffix" "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  set +m
  running+=("$pid")
  for ((tries = 0; tries < 300; ++tries)); do
    address=$(tr -d '\r' <"$log" | sed -nE 's/^listening on (.*)$/\1/p')
    [ -z "$address" ] || return 0
    kill -0 "$pid" 2>/dev/null || fail "$name ended before it listened"
    sleep 0.1
  done
  fail "$name did not say that it listens"
}

# stop PID SIGNAL: the server must end by itself, with status 0. Of the signals Wine hands on SIGINT
# alone, as Ctrl+C.
stop() {
  local status=0 signal=$2
  if [ "$suffix" = .exe ] && [ "$signal" != INT ]; then
    echo "SKIPPED: SIG$signal to a Windows program; it is ended by SIGINT"
    signal=INT
  fi
  kill "-$signal" "$1"
  wait "$1" || status=$?
  expect "exit status after SIG$signal" "$status" 0
}
