#pragma once

#include "torch.h"

namespace iba {

/// Blurring along one axis by a Gaussian of so many pixels' deviation, cut off beyond `reach` pixels and
/// normalised, with nothing beyond the borders: a matrix (size, size) in double precision, on the CPU.
at::Tensor gaussian_matrix(int64_t size, double deviation, int64_t reach);

}  // namespace iba
