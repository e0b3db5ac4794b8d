#!/usr/bin/env bash
# http.sh BUILD: what the HTTP server costs beside a raw epoll loop, Asio and net/http (see
# compare/__main__.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare" "$1" http
