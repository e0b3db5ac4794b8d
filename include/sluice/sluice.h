// sluice.h: everything but HTTP, which is a library of its own (sluice/http.h).
#pragma once

#include "sluice/buffered.h"
#include "sluice/channel.h"
#include "sluice/chunk.h"
#include "sluice/deadline.h"
#include "sluice/error.h"
#include "sluice/fiber.h"
#include "sluice/io.h"
#include "sluice/net.h"
#include "sluice/net/serve.h"
#include "sluice/run.h"
#include "sluice/scope.h"
#include "sluice/select.h"
#include "sluice/signal.h"
#include "sluice/sync.h"
#include "sluice/task_group.h"
#include "sluice/timer.h"
