#!/usr/bin/env bash
# redis.sh BUILD: guide_redis against a server of its own, which listens on a file only.
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/../examples/lib.sh"

server=$(command -v redis-server || command -v redis-check-rdb) || {
  echo "SKIPPED: there is no Redis server (Debian: redis-tools)"
  exit 0
}
socket=$scratch/redis.sock
# One program under several names; Debian's redis-tools has it under another than the server's.
(
  cd "$scratch"
  exec -a redis-server "$server" --port 0 --unixsocket "$socket" --save '' --appendonly no
) >"$scratch/redis.log" 2>&1 </dev/null &
running+=("$!")
for ((tries = 0; tries < 300; ++tries)); do
  [ "$(redis-cli -s "$socket" ping 2>&1)" != PONG ] || break
  kill -0 "${running[0]}" 2>/dev/null || fail "the server ended"
  sleep 0.1
done
expect "the program" "$(timeout 60 "$build/guide/redis" "$socket")" \
  "counted, handed over and given up"
redis-cli -s "$socket" shutdown nosave || true
