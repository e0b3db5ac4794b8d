#!/usr/bin/env bash
# tcp_proxy.sh BUILD: what goes through the proxy is what the echo server behind it says, half-close
# included (the client shuts its side down and still reads to the end).
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/lib.sh"
client() { python3 "$(dirname "$0")/client.py" "$address" "$@"; }

start echo_server --listen 127.0.0.1:0
server=$pid
start tcp_proxy --listen 127.0.0.1:0 --to "$address"
expect "50 connections" "$(client echo 50)" "echoed 50"
expect "four megabytes" "$(client big 4000000)" "same"
stop "$pid" TERM
stop "$server" TERM
