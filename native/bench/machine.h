#pragma once

#include "torch.h"

namespace iba::bench {

/// Operations per second of the fastest of some products of two float32 matrices of 2048 × 2048.
double matrix_rate(at::Device device);

/// Bytes per second, read and written, of the fastest of some copies that are larger than any cache.
double memory_rate(at::Device device);

}  // namespace iba::bench
