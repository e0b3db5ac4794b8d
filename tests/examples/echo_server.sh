#!/usr/bin/env bash
# echo_server.sh BUILD: the echo server against a raw socket.
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/lib.sh"
client() { python3 "$(dirname "$0")/client.py" "$address" "$@"; }

start echo_server --listen 127.0.0.1:0 --procs 2
expect "100 connections" "$(client echo 100)" "echoed 100"
expect "four megabytes" "$(client big 4000000)" "same"
expect "one beside 200 idle ones" "$(client hold 200)" "echoed 1"

# A port that is taken is said in one line that names it.
status=0
said=$(run echo_server --listen "$address" 2>&1) || status=$?
[ "$status" != 0 ] || fail "a second server took the same port"
case $said in *"$address"*"address already in use"*) ;; *) fail "a taken port: $said" ;; esac
stop "$pid" TERM

start echo_server --listen 127.0.0.1:0
stop "$pid" INT
