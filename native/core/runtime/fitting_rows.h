#pragma once

#include <cstdint>
#include <functional>

#include "torch.h"

namespace iba {

/// How many rows go through a network together, found out by trying. Where a device's memory is too small for
/// them, they are halved and the work is done again from its beginning; where all was well, more rows would
/// have made fewer runs, and twice the memory that the work took is there, the next work has twice as many.
/// On the processor they stay as they are. Used by one thread at a time.
class FittingRows {
 public:
  /// Begins with that many. Where they aren't to adapt, they stay, and what doesn't fit fails.
  explicit FittingRows(int64_t first, bool adapts = true) : rows_(first), adapts_(adapts) {}

  /// Calls `work(rows)`, again with fewer rows where a device has no memory left. Throws what `work` throws,
  /// c10::OutOfMemoryError where not even one row fits.
  void run(at::Device device, const std::function<void(int64_t rows)>& work);

  int64_t count() const { return rows_; }

 private:
  int64_t rows_;
  bool adapts_;
  /// As many didn't fit; no more than these are tried again.
  int64_t most_ = kMost;

  /// More have not been measured to be faster anywhere.
  static constexpr int64_t kMost = 256;
};

}  // namespace iba
