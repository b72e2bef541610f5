#include "training/shared_statistics.h"

namespace iba {

ModelStatistics merge_over_processes(const ModelStatistics& own, ProcessGroup& processes) {
  ModelStatistics merged = own;
  for (size_t i = 0; i < own.layers.size(); ++i) {
    auto sums = processes.gather(own.layers[i].packed());
    // In the order of the ranks, so that all processes round alike.
    LayerStatistics layer = own.layers[i].unpacked(sums[0]);
    for (size_t rank = 1; rank < sums.size(); ++rank) layer.merge(own.layers[i].unpacked(sums[rank]));
    merged.layers[i] = layer;
  }
  return merged;
}

}  // namespace iba
