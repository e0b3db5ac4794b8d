#!/usr/bin/env bash
# run.sh HOST:PORT: starts the HTTP example there, and says how to try it.
set -euo pipefail
cd "$(dirname "$0")/.."

listen=$1
# ":8080" listens on every interface; curl needs a name for one of them.
case $listen in :*) try="localhost$listen" ;; *) try=$listen ;; esac
# Port 0 lets the system choose, and the server says what it got.
case $try in *:0) try=${try%0}PORT ;; esac
echo "starting examples/http_server on $listen; Ctrl-C stops it. Try, in another terminal:"
echo "  curl -i http://$try/"
status=0
build/release/examples/http_server --listen "$listen" || status=$?
if [ "$status" != 0 ] && [ "$status" != 130 ]; then
  echo "The server did not start or failed. If the port is taken, choose another:" >&2
  echo "  make run LISTEN=127.0.0.1:9000" >&2
  exit "$status"
fi
