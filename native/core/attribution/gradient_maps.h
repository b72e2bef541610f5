#pragma once

#include "torch.h"

namespace iba {

// The maps (H, W) of gradients (C, H, W) on the CPU.

/// The mean over the colours, without outliers, divided by the sum of the absolute values. The paper's code
/// divides by the sum, which may be negative.
at::Tensor signed_map(const at::Tensor& gradient, bool paper);

/// The greatest absolute value over the colours, without outliers, divided by the sum.
at::Tensor saliency_map(const at::Tensor& gradient);

}  // namespace iba
