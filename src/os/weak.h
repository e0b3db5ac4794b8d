// weak.h: for a definition that gives way to another one of the same symbol.
//
// Windows's object files have no such definitions that other files can find; there it is an
// ordinary one.
#pragma once

#if defined(_WIN32)
#define SLUICE_WEAK
#else
#define SLUICE_WEAK [[gnu::weak]]
#endif
