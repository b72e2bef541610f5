#pragma once

#include "bottleneck/conventions.h"
#include "torch.h"

namespace iba {

// The maps (H, W) of gradients (C, H, W) on the CPU. In both, the values below the percentile 0.5 and
// above 99.5 are cut off (with linear interpolation, as NumPy's), as the paper's code does, but for maps of a
// single row, which texts have; a map of zeros stays as it is.

/// The mean over the colours, divided by a sum.
at::Tensor signed_map(const at::Tensor& gradient, const Conventions& conventions);

/// The greatest absolute value over the colours, divided by the sum.
at::Tensor saliency_map(const at::Tensor& gradient);

}  // namespace iba
