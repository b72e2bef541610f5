#pragma once

#include "runtime/executor.h"
#include "torch.h"

namespace iba::binding {

/// The process's executor of a device, made when it is first needed. Work of all environments on one device
/// goes through one executor, so that it doesn't compete for the same cores.
Executor& executor_of(at::Device device);

/// The executor that prepares images, beside the devices', so that preparing overlaps with the work on
/// others.
Executor& image_executor();

/// Ends all executors and waits for their threads. LibTorch must not be unloaded under a running thread.
void close_executors();

}  // namespace iba::binding
