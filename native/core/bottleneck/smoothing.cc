#include "bottleneck/smoothing.h"

#include <algorithm>
#include <cmath>

namespace iba {

namespace {

int64_t reflect(int64_t index, int64_t size) {
  if (index < 0) return -index;
  if (index >= size) return 2 * (size - 1) - index;
  return index;
}

at::Tensor smoothing_matrix(SmoothingKernel wanted, int64_t size) {
  auto radius = std::min<int64_t>(wanted.taps / 2, size - 1);
  std::vector<double> kernel;
  double sum = 0;
  for (int64_t offset = -radius; offset <= radius; ++offset) {
    double ratio = static_cast<double>(offset) / wanted.sigma;
    kernel.push_back(std::exp(-0.5 * ratio * ratio));
    sum += kernel.back();
  }
  at::Tensor matrix = at::zeros({size, size}, at::kDouble);
  auto entries = matrix.accessor<double, 2>();
  for (int64_t row = 0; row < size; ++row) {
    for (int64_t offset = -radius; offset <= radius; ++offset) {
      entries[row][reflect(row + offset, size)] += kernel[offset + radius] / sum;
    }
  }
  return matrix;
}

at::Tensor smooth_places(const at::Tensor& rows, const at::Tensor& columns, const at::Tensor& maps) {
  at::Tensor along_columns = at::matmul(columns, maps);             // (N, h, w, C)
  return at::matmul(rows, along_columns.flatten(2)).view_as(maps);  // over (N, h, w·C)
}

}  // namespace

SmoothingKernel SmoothingKernel::of(double sigma) {
  return {sigma, 2 * std::lround(2 * sigma) + 1};
}

Smoothing::Smoothing(SmoothingKernel kernel, const Grid& grid, at::TensorOptions options) : grid_(grid) {
  if (kernel.sigma <= 0 || kernel.taps <= 1) return;
  rows_ = smoothing_matrix(kernel, grid.height).to(options);
  columns_ = smoothing_matrix(kernel, grid.width).to(options);
}

at::Tensor Smoothing::smooth(const at::Tensor& rows, const at::Tensor& columns,
                             const at::Tensor& pixels) const {
  if (grid_.is_all_places()) return smooth_places(rows, columns, pixels);
  at::Tensor smoothed = pixels.clone();
  at::Tensor places = smooth_places(rows, columns, grid_.places(pixels));
  smoothed.slice(2, grid_.prefix, grid_.prefix + grid_.height * grid_.width)
      .copy_(places.flatten(1, 2).unsqueeze(1));
  return smoothed;
}

at::Tensor Smoothing::apply(const at::Tensor& maps) const {
  return rows_.defined() ? smooth(rows_, columns_, maps) : maps;
}

at::Tensor Smoothing::adjoint(const at::Tensor& gradients) const {
  return rows_.defined() ? smooth(rows_.t(), columns_.t(), gradients) : gradients;
}

}  // namespace iba
