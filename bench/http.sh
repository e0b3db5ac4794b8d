#!/usr/bin/env bash
# http.sh BUILD: what the HTTP server costs beside a raw epoll loop and net/http (see compare.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare.py" "$1" http
