#pragma once

#include <array>

#include "torch.h"

namespace iba {

// Heat maps (H, W) on the CPU of a capacity (C, h, w) in nats.

/// Bits per pixel of the image, so that the map sums to the bits that pass (up to the border, where the
/// authors' library mirrors the picture as it enlarges it).
at::Tensor bits_per_pixel_map(const at::Tensor& capacity, std::array<int64_t, 2> image_size);

/// As the paper's code draws a per-sample bottleneck: the sum over the channels, scaled to [0, 1] by its own
/// minimum and maximum, then enlarged. A constant map is 0.
at::Tensor scaled_sum_map(const at::Tensor& capacity, std::array<int64_t, 2> image_size);

/// As the paper's code draws a readout bottleneck: the mean over the channels, enlarged, minus its minimum,
/// divided by its maximum, which counts as 1e-5 at least.
at::Tensor scaled_mean_map(const at::Tensor& capacity, std::array<int64_t, 2> image_size);

}  // namespace iba
