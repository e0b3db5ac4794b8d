#!/usr/bin/env bash
# echo_client.sh BUILD: the client's lines come back from the echo server.
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/lib.sh"

start echo_server --listen 127.0.0.1:0
said=$(printf 'one\ntwo\n' | run echo_client --connect "$address")
expect "two lines" "$said" $'one\ntwo'
stop "$pid" TERM

# Nobody listens there any more.
status=0
said=$(printf 'one\n' | run echo_client --connect "$address" 2>&1) || status=$?
[ "$status" != 0 ] || fail "a client without a server succeeded: $said"
case $said in *"connection refused"*) ;; *) fail "a refused connection: $said" ;; esac
