// sync.h: how fibers and plain threads wait for each other, in any mixture. A fiber that waits is
// parked and its thread runs another; a plain thread that waits blocks.
//
// Functions with the standard's names have the standard's manners: a request to stop does not cut
// them short. Each has a twin that it does cut short, whose name ends in _or_stop and which returns
// a result, and forms that give up at a point in time, whose names end in _until and _for.
//
// Rejected: a template over the standard's primitives (std::mutex blocks the worker, and with it
// every fiber of its processor), and one object that is mutex and condition at once.
#pragma once

#include "sluice/sync/barrier.h"
#include "sluice/sync/condition_variable.h"
#include "sluice/sync/event.h"
#include "sluice/sync/latch.h"
#include "sluice/sync/mutex.h"
#include "sluice/sync/once.h"
#include "sluice/sync/semaphore.h"
#include "sluice/sync/shared_mutex.h"
#include "sluice/sync/wait_group.h"
