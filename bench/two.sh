#!/usr/bin/env bash
# two.sh BUILD: echo and HTTP with two processors (see compare/__main__.py).
set -euo pipefail
exec python3 "$(dirname "$0")/compare" "$1" two
