# lib.sh: sourced by the tests of the examples. Starts a server on a port that the system picks,
# waits for its "listening on HOST:PORT", and stops it with a signal.
# shellcheck shell=bash

build=$1
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

# start NAME ARGUMENT...: starts the example; sets `address` and `pid`.
start() {
  local name=$1 log tries
  shift
  log=$scratch/$name.log
  : >"$log"  # the reader below may come before the shell has opened it for the server
  # Without job control the shell would start it with SIGINT ignored.
  set -m
  "$build/examples/$name" "$@" >"$log" 2>&1 &
  pid=$!
  set +m
  running+=("$pid")
  for ((tries = 0; tries < 300; ++tries)); do
    address=$(sed -nE 's/^listening on (.*)$/\1/p' "$log")
    [ -z "$address" ] || return 0
    kill -0 "$pid" 2>/dev/null || fail "$name ended before it listened"
    sleep 0.1
  done
  fail "$name did not say that it listens"
}

# stop PID SIGNAL: the server must end by itself, with status 0.
stop() {
  local status=0
  kill "-$2" "$1"
  wait "$1" || status=$?
  expect "exit status after SIG$2" "$status" 0
}
