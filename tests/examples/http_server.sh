#!/usr/bin/env bash
# http_server.sh BUILD: the HTTP example spoken to by curl and by a raw socket.
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/lib.sh"
raw() { python3 "$(dirname "$0")/client.py" "$address" raw "$1" | tr -d '\r'; }
get() { curl --silent --show-error --max-time 30 "$@"; }
status_of() { get --output /dev/null --write-out '%{http_code}' "$@"; }

start http_server --listen 127.0.0.1:0 --procs 2
url=http://$address

expect "/" "$(get "$url/")" "Hello, World!"
expect "/echo" "$(get --data 'some words' "$url/echo")" "some words"
head -c 1000000 /dev/urandom >"$scratch/body"
get --data-binary "@$scratch/body" --header 'Expect:' --output "$scratch/back" "$url/echo"
cmp "$scratch/body" "$scratch/back" || fail "/echo changed a body of 1 MB"
get --data-binary "@$scratch/body" --header 'Transfer-Encoding: chunked' \
  --output "$scratch/back" "$url/echo"
cmp "$scratch/body" "$scratch/back" || fail "/echo changed a chunked body of 1 MB"
get "$url/stats" | python3 -c '
import json, sys
stats = json.load(sys.stdin)
for name in ("fibers", "processors", "workers", "polls", "parks", "steals", "connections"):
    assert name in stats, f"/stats has no {name}: {stats}"
assert stats["processors"] == 2, stats
' || fail "/stats is not what it should be"
# Sets `values` to what /metrics says of processors, running and accepting fibers.
read_metrics() {
  local type
  type=$(get --output "$scratch/metrics" --write-out '%{content_type}' "$url/metrics")
  expect "the type of /metrics" "$type" "text/plain; version=0.0.4; charset=utf-8"
  python3 "$(dirname "$0")/prometheus.py" sluice_processors 'sluice_fibers{state="running"}' \
    'sluice_fibers{state="waiting",wait="accept"}' <"$scratch/metrics" >"$scratch/values" ||
    fail "/metrics is not what it should be"
  values=$(tr -d '\r' <"$scratch/values" | xargs)
}
# Whoever has accepted this very request may not be waiting again yet.
values=
for ((tries = 0; tries < 100; ++tries)); do
  read_metrics
  [ "$values" != "2 1 1" ] || break
done
expect "processors, running and accepting fibers" "$values" "2 1 1"

expect "HEAD" "$(status_of --head "$url/")" 200
expect "an unknown path" "$(status_of "$url/nowhere")" 404
expect "a wrong method" "$(status_of --request DELETE "$url/")" 405

# One connection serves several requests, here two that are sent at once.
one='GET / HTTP/1.1\r\nHost: h\r\n'
both=$(raw "$one\r\n${one}Connection: close\r\n\r\n")
expect "pipelined answers" "$(grep -c 'Hello, World!' <<<"$both")" 2
# Malformed requests are refused and the connection is closed, or this would wait for ever.
first=$(raw 'GET / HTTP/1.1\r\n\r\n' | head -n 1)
case $first in "HTTP/1.1 400"*) ;; *) fail "no Host: $first" ;; esac
lengths='Content-Length: 1\r\nTransfer-Encoding: chunked\r\n'
first=$(raw "POST /echo HTTP/1.1\r\nHost: h\r\n$lengths\r\n" | head -n 1)
case $first in "HTTP/1.1 400"*) ;; *) fail "length and chunks: $first" ;; esac

# A taken port is one clear line.
status=0
said=$(run http_server --listen "$address" 2>&1) || status=$?
[ "$status" != 0 ] || fail "a second server took the same port"
case $said in *"$address"*"address already in use"*) ;; *) fail "a taken port: $said" ;; esac

stop "$pid" TERM
start http_server --listen 127.0.0.1:0
expect "/ again" "$(get "http://$address/")" "Hello, World!"
stop "$pid" INT
