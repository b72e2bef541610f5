#pragma once

#include <optional>

#include <c10/core/Event.h>

#include "torch.h"

namespace iba {

/// A flag that a loop finds on a device in each step. The host reads that of the step before, which is there
/// while the device still works on what it was given since, so that it needn't wait for it.
class LateFlag {
 public:
  /// Takes a bool of no dimensions, and gives the one that was taken before: false at first. On the CPU,
  /// where there is nothing to wait for, it is the same one.
  bool exchange(const at::Tensor& flag);

 private:
  at::Tensor taken_;
  std::optional<c10::Event> arrived_;
};

}  // namespace iba
