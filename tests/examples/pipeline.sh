#!/usr/bin/env bash
# pipeline.sh BUILD: the pipeline's sum is right, whoever counts, and a deadline ends it.
set -euo pipefail
# shellcheck source=tests/examples/lib.sh
source "$(dirname "$0")/lib.sh"

for workers in 1 4 50; do
  said=$(run pipeline --below 100000 --workers "$workers" --procs 2)
  expect "primes, by $workers" "$said" "9592 primes"
done
expect "none" "$(run pipeline --below 0)" "0 primes"

status=0
said=$(run pipeline --seconds 0 2>&1) || status=$?
[ "$status" != 0 ] || fail "it did not give up: $said"
case $said in *"deadline"*) ;; *) fail "the deadline: $said" ;; esac
