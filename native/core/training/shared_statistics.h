#pragma once

#include "bottleneck/statistics.h"
#include "training/process_group.h"

namespace iba {

/// The statistics of the images of all processes together, the same in each. Every process gives its own, of
/// the same layers and at least one image.
ModelStatistics merge_over_processes(const ModelStatistics& own, ProcessGroup& processes);

}  // namespace iba
