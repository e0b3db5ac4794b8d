#!/usr/bin/env bash
# scheduler.sh BUILD: what fibers cost beside goroutines (see compare/__main__.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare" "$1" scheduler
