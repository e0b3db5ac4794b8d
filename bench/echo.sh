#!/usr/bin/env bash
# echo.sh BUILD: what the echo server costs beside a raw epoll loop (see compare/__main__.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare" "$1" echo
