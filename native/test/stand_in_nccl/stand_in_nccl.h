#pragma once

#include <cstddef>

/// A library with NCCL's interface, so that what goes through NCCL is tested without a GPU: its processes are
/// threads of one process. Like the real one where it doesn't block, it says that work is in progress until
/// all have come, and hands out results when it is asked for its state.
extern "C" {

/// How it gets at the device's memory.
using StandInCopy = void (*)(void* to, const void* from, std::size_t bytes);
void stand_in_set_copy(StandInCopy copy);

/// From now on a function of NCCL's gives this result to a rank: one of its errors, or that work is in
/// progress, for ever. An empty name ends it.
void stand_in_misbehave(const char* function, int rank, int result);

/// How many exchanges were done in all.
int stand_in_exchanges();
}
