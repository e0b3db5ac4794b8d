# steps.sh: sourced by the scripts that run a list of steps. A failed step is named and counted, and
# the others still run, so that one run shows everything that is wrong.
# shellcheck shell=bash

steps_passed=0
steps_failed=()

# step NAME COMMAND...: runs the command, says how it went and how long it took.
step() {
  local name=$1 begin=$SECONDS
  shift
  if "$@"; then
    steps_passed=$((steps_passed + 1))
    echo "ok      $name ($((SECONDS - begin)) s)"
  else
    steps_failed+=("$name")
    echo "FAILED  $name ($((SECONDS - begin)) s)"
  fi
}

# finish TITLE: prints the summary; returns 1 if anything failed or nothing was run.
finish() {
  local name
  for name in "${steps_failed[@]}"; do echo "failed: $name"; done
  echo "$1: $steps_passed passed, ${#steps_failed[@]} failed"
  [ ${#steps_failed[@]} = 0 ] && [ "$steps_passed" -gt 0 ]
}
