#pragma once

#include "torch.h"

namespace iba::bench {

/// Begins to watch a GPU's memory anew. A process's own memory is watched from its start.
void watch_memory(at::Device device);

/// The most memory in MB that tensors took on a GPU since then, or else the process since its start.
double peak_megabytes(at::Device device);

}  // namespace iba::bench
