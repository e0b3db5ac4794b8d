#!/usr/bin/env bash
# scheduler.sh BUILD: what fibers cost beside goroutines (see compare.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare.py" "$1" scheduler
