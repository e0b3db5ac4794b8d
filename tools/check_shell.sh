#!/usr/bin/env bash
# check_shell.sh: shellcheck has nothing to say about our scripts.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' .ci/run)
shellcheck -x "${scripts[@]}"
