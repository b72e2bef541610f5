#include "bottleneck/capacity_map.h"

#include <algorithm>
#include <cmath>

namespace iba {

namespace {

/// What a bilinear resize reads beyond the border: the nearest pixel again, or the picture mirrored at it.
enum class Border { repeat, mirror };

int64_t inside(int64_t index, int64_t size, Border border) {
  if (border == Border::mirror && size > 1) {
    if (index < 0) index = -index;
    if (index >= size) index = 2 * (size - 1) - index;
  }
  return std::clamp<int64_t>(index, 0, size - 1);
}

/// Bilinear resizing along one axis as a matrix (to, from), with pixel centres aligned (align_corners =
/// false).
Tensor resize_matrix(int64_t from, int64_t to, Border border) {
  Tensor matrix = at::zeros({to, from});
  auto entries = matrix.accessor<float, 2>();
  double scale = static_cast<double>(from) / static_cast<double>(to);
  for (int64_t row = 0; row < to; ++row) {
    double position = (static_cast<double>(row) + 0.5) * scale - 0.5;
    double first = std::floor(position);
    auto weight = static_cast<float>(position - first);
    auto index = static_cast<int64_t>(first);
    entries[row][inside(index, from, border)] += 1 - weight;
    entries[row][inside(index + 1, from, border)] += weight;
  }
  return matrix;
}

Tensor resize(const Tensor& map, std::array<int64_t, 2> size, Border border) {
  Tensor rows = resize_matrix(map.size(0), size[0], border);
  Tensor columns = resize_matrix(map.size(1), size[1], border);
  return at::matmul(rows, at::matmul(map, columns.t()));
}

}  // namespace

Tensor capacity_map(const Tensor& capacity, Preset preset, std::array<int64_t, 2> image_size) {
  Tensor sum = capacity.sum(0).cpu();
  if (preset == Preset::paper) {
    sum = sum - sum.min();
    double maximum = sum.max().item<double>();
    if (maximum > 0) sum = sum / maximum;
    return resize(sum, image_size, Border::repeat);
  }
  double pixels = static_cast<double>(image_size[0] * image_size[1]);
  double bits_per_pixel = static_cast<double>(sum.numel()) / pixels / std::log(2.0);
  return resize(sum * bits_per_pixel, image_size, Border::mirror);
}

Tensor paper_readout_map(const Tensor& capacity, std::array<int64_t, 2> image_size) {
  constexpr double kSmallestMaximum = 1e-5;
  Tensor map = resize(capacity.mean(0).cpu(), image_size, Border::repeat);
  map = map - map.min();
  return map / std::max(map.max().item<double>(), kSmallestMaximum);
}

}  // namespace iba
