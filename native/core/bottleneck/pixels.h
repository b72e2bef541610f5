#pragma once

#include "torch.h"

namespace iba {

// The bottlenecks work on activations as (B, h, w, C): a channels-last tensor seen by its memory, so that
// passing it to the network and back copies nothing. A vector (B, C) is taken as one pixel.

at::Tensor to_pixels(const at::Tensor& activation);

/// Back to the `dimensions` that the network has: 4 for images, 2 for vectors.
at::Tensor from_pixels(const at::Tensor& pixels, int64_t dimensions);

/// Statistics (C, h, w) or (C), one value for each neuron, as pixels (h, w, C).
at::Tensor statistic_pixels(const at::Tensor& statistic, at::TensorOptions options);

}  // namespace iba
