#!/usr/bin/env bash
# memory.sh BUILD: what idle connections take (see compare/__main__.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare" "$1" memory
