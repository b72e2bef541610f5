#pragma once

#include <array>

#include "bottleneck/statistics.h"

namespace iba {

/// The heat map (H, W) of a capacity (C, h, w) in nats. `iba`: bits per pixel of the image, so that the map
/// sums to the bits that pass (up to the border, where the authors' library mirrors the picture as it
/// enlarges it). `paper`: scaled to [0, 1] by its own minimum and maximum; a constant map is 0.
Tensor capacity_map(const Tensor& capacity, Preset preset, std::array<int64_t, 2> image_size);

/// As the paper's code draws the capacity (C, h, w) of a readout bottleneck: the mean over the channels,
/// enlarged to (H, W), minus its minimum, divided by its maximum, which counts as 1e-5 at least.
Tensor paper_readout_map(const Tensor& capacity, std::array<int64_t, 2> image_size);

}  // namespace iba
