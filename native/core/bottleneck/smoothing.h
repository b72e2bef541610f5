#pragma once

#include "torch.h"

namespace iba {

/// Gaussian smoothing of maps with reflection at the border, as a linear operator and its adjoint. The kernel
/// has 2·round(2σ)+1 taps a side (Schulz et al. 2020, section 3.2); σ = 0 is the identity. Where a map is too
/// small for the reflection, the kernel is cut to what fits.
class Smoothing {
 public:
  Smoothing(double sigma, int64_t height, int64_t width, at::TensorOptions options);

  /// Both take and return (N, height, width, channels).
  at::Tensor apply(const at::Tensor& maps) const;
  at::Tensor adjoint(const at::Tensor& gradients) const;

 private:
  // A separable kernel with reflection is a matrix for each axis.
  at::Tensor rows_;
  at::Tensor columns_;
};

}  // namespace iba
