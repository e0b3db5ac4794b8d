#include "sched/park.h"
#include "sluice/debug.h"

namespace sluice::debug {

// The mutex comes first and goes last: nothing is counted that is not held.
void checked_std_mutex::lock() {
  mutex_.lock();
  ++rt::this_parker().system_locks;
}

bool checked_std_mutex::try_lock() {
  if (!mutex_.try_lock()) return false;
  ++rt::this_parker().system_locks;
  return true;
}

void checked_std_mutex::unlock() {
  --rt::this_parker().system_locks;
  mutex_.unlock();
}

}  // namespace sluice::debug
