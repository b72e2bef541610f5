#pragma once

#include "network/grid.h"

namespace iba {

/// A Gaussian with so many taps a side, an odd number. A σ of 0, or a single tap, smooths nothing.
struct SmoothingKernel {
  double sigma;
  int64_t taps;

  /// With 2·round(2σ)+1 taps (Schulz et al. 2020, section 3.2).
  static SmoothingKernel of(double sigma);
};

/// Gaussian smoothing of maps with reflection at the border, as a linear operator and its adjoint. Where a
/// map is too small for the reflection, the kernel is cut to what fits. Tokens that belong to no place stay
/// as they are.
class Smoothing {
 public:
  Smoothing(SmoothingKernel kernel, const Grid& grid, at::TensorOptions options);
  Smoothing(double sigma, const Grid& grid, at::TensorOptions options)
      : Smoothing(SmoothingKernel::of(sigma), grid, options) {}

  /// Both take and return what `Grid::to_pixels` gives: (N, height, width, channels).
  at::Tensor apply(const at::Tensor& maps) const;
  at::Tensor adjoint(const at::Tensor& gradients) const;

 private:
  at::Tensor smooth(const at::Tensor& rows, const at::Tensor& columns, const at::Tensor& pixels) const;

  Grid grid_;
  // A separable kernel with reflection is a matrix for each axis.
  at::Tensor rows_;
  at::Tensor columns_;
};

}  // namespace iba
