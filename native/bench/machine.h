#pragma once

#include "torch.h"

namespace iba::bench {

/// Operations per second of the fastest of some products of two matrices of 2048 × 2048 of a type. It is
/// computed as a convolution of 1 × 1 too, which other libraries do: that for products is slow on some
/// processors.
double matrix_rate(at::Device device, at::ScalarType type);

/// Bytes per second, read and written, of the fastest of some copies that are larger than any cache.
double memory_rate(at::Device device);

}  // namespace iba::bench
