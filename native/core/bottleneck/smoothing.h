#pragma once

#include "torch.h"

namespace iba {

/// A Gaussian with so many taps a side, an odd number. A σ of 0, or a single tap, smooths nothing.
struct SmoothingKernel {
  double sigma = 1;
  int64_t taps = 5;

  /// With 2·round(2σ)+1 taps (Schulz et al. 2020, section 3.2).
  static SmoothingKernel of(double sigma);
};

/// Gaussian smoothing of maps with reflection at the border, as a linear operator and its adjoint. Where a
/// map is too small for the reflection, the kernel is cut to what fits.
class Smoothing {
 public:
  Smoothing(SmoothingKernel kernel, int64_t height, int64_t width, at::TensorOptions options);
  Smoothing(double sigma, int64_t height, int64_t width, at::TensorOptions options)
      : Smoothing(SmoothingKernel::of(sigma), height, width, options) {}

  /// Both take and return (N, height, width, channels).
  at::Tensor apply(const at::Tensor& maps) const;
  at::Tensor adjoint(const at::Tensor& gradients) const;

 private:
  // A separable kernel with reflection is a matrix for each axis.
  at::Tensor rows_;
  at::Tensor columns_;
};

}  // namespace iba
