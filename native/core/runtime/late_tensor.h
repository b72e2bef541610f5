#pragma once

#include <optional>

#include <c10/core/Event.h>

#include "torch.h"

namespace iba {

/// A tensor that a loop finds on a device in each step. The host reads that of the step before, which is
/// there while the device still works on what it was given since, so that it needn't wait for it.
class LateTensor {
 public:
  /// Takes a tensor, and gives the one that was taken before, on the CPU: an undefined one at first. On the
  /// CPU, where there is nothing to wait for, it is the same one.
  at::Tensor exchange(const at::Tensor& found);

  /// The one that was taken last, where `exchange` hasn't given it. Waits for it.
  at::Tensor last();

 private:
  at::Tensor taken_;
  std::optional<c10::Event> arrived_;
};

}  // namespace iba
