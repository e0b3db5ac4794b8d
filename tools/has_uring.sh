#!/usr/bin/env bash
# has_uring.sh: whether this system lets a program of ours use io_uring. Needs the release tests.
set -euo pipefail
cd "$(dirname "$0")/.."
SLUICE_POLLER=io_uring build/release/sched_test --gtest_filter='*TellsWhichPollerIsInUse/1' |
  grep -qx 'poller: io_uring'
