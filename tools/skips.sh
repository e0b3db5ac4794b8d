# skips.sh: sourced by the scripts that run the suites where not all of them can run.
# shellcheck shell=bash

# name_skips FILE WHERE: names each pattern of tests in the file that cannot run there, with its
# reason, and puts all of them into `skipped`, one regular expression.
name_skips() {
  local name reason all=()
  while read -r name reason; do
    case $name in '' | '#'*) continue ;; esac
    all+=("$name")
    echo "NOT RUN under $2: $name: $reason"
  done <"$1"
  # Without any, what no test is called.
  skipped=$(IFS='|' && echo "${all[*]:-^$}")
  export skipped
}
