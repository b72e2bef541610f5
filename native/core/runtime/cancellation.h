#pragma once

#include <atomic>

#include "error.h"

namespace iba {

/// A request to stop, shared between the one who asks and the work, which checks it between its steps.
class Cancellation {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool is_cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

  /// Throws ABORTED once `cancel` was called.
  void check() const {
    if (is_cancelled()) throw Error(ErrorCode::aborted, "The work was aborted.");
  }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace iba
