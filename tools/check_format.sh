#!/usr/bin/env bash
# check_format.sh [--fix] [ROOT]: every C++ file is as clang-format-19 lays it out.
set -euo pipefail

mode=(--dry-run -Werror)
if [ "${1:-}" = --fix ]; then
  mode=(-i)
  shift
fi
cd "${1:-"$(dirname "$0")/.."}"
if [ -e .git ]; then
  mapfile -t files < <(git ls-files -co --exclude-standard '*.cc' '*.h')
else
  mapfile -t files < <(find . -name build -prune -o \( -name '*.cc' -o -name '*.h' \) -print)
fi
# A file that was removed and not yet committed as such is still listed.
existing=()
for file in "${files[@]}"; do
  [ -f "$file" ] && existing+=("$file")
done
[ ${#existing[@]} = 0 ] || clang-format-19 --style=file "${mode[@]}" "${existing[@]}"
