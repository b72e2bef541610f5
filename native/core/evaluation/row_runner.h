#pragma once

#include <functional>

#include "network/interpreter.h"
#include "runtime/cancellation.h"
#include "runtime/fitting_rows.h"
#include "runtime/progress.h"

namespace iba {

/// How the inner loop of an evaluation runs.
struct RowSettings {
  int64_t rows;  // that go through the network together at most
  const Cancellation& cancellation;
  const StepProgress& progress;  // counts images
  bool adapts_rows = false;      // to the memory of the network's device
};

/// Sends many changed versions of images through a network. They are made on the network's device, a few at a
/// time, so that never all of them are in memory.
class RowRunner {
 public:
  /// Makes the images (end − begin, C, H, W) of some rows.
  using Build = std::function<Tensor(int64_t begin, int64_t end)>;

  /// `total` is how many rows there will be in all.
  RowRunner(const Network& network, RowSettings settings, int64_t total)
      : network_(network), settings_(settings), rows_(settings.rows, settings.adapts_rows), total_(total) {}

  /// The logits (rows, classes), double on the CPU. `build` gives the same images where it is called again.
  /// Throws ABORTED soon after a cancellation.
  Tensor logits(int64_t rows, const Build& build);

 private:
  const Network& network_;
  RowSettings settings_;
  FittingRows rows_;
  int64_t total_;
  int64_t done_ = 0;
};

}  // namespace iba
