// net.h: the whole of sluice::net.
#pragma once

#include "sluice/net/address.h"
#include "sluice/net/listener.h"
#include "sluice/net/pipe.h"
#include "sluice/net/serve.h"
#include "sluice/net/stream.h"
