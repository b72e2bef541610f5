#pragma once

#include <array>

#include "torch.h"

namespace iba {

// How a raw attribution of one image becomes a heat map. All on the CPU.

/// The values below the percentile 0.5 and above 99.5 are cut off (with linear interpolation, as NumPy's), as
/// the paper's code does.
at::Tensor clip_outliers(const at::Tensor& map);

/// Divided by the sum of its absolute values, or, as the paper's code does, by its sum, which may turn the
/// order of the pixels around. A map of zeros stays as it is.
at::Tensor divide_by_absolute_sum(const at::Tensor& map);
at::Tensor divide_by_sum(const at::Tensor& map);

/// Enlarged to (H, W), bilinear, with pixel centres aligned (align_corners = false).
at::Tensor enlarge(const at::Tensor& map, std::array<int64_t, 2> size);

}  // namespace iba
