#!/usr/bin/env bash
# chat.sh BUILD: guests of the chat room hear each other.
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/lib.sh"
client() { python3 "$(dirname "$0")/client.py" "$address" "$@"; }

start chat --listen 127.0.0.1:0 --procs 2
expect "twenty guests" "$(client chat 20)" "all heard all others"
expect "and twenty more" "$(client chat 20)" "all heard all others"
stop "$pid" TERM

# Guests who are there at the end are sent home.
start chat --listen 127.0.0.1:0
exec 3<>"/dev/tcp/${address%:*}/${address##*:}"
read -r -u 3 welcome
expect "a guest" "${welcome%$'\r'}" "you are guest 1"
stop "$pid" INT
read -r -u 3 welcome && fail "the room goes on: $welcome"
exit 0
