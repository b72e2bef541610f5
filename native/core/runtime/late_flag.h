#pragma once

#include "runtime/late_tensor.h"

namespace iba {

/// A flag that a loop finds on a device in each step, read a step late.
class LateFlag {
 public:
  /// Takes a bool of no dimensions, and gives the one that was taken before: false at first. On the CPU it is
  /// the same one.
  bool exchange(const at::Tensor& flag) {
    at::Tensor before = late_.exchange(flag);
    return before.defined() && before.item<bool>();
  }

 private:
  LateTensor late_;
};

}  // namespace iba
