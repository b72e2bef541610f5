#include "image/enlarge.h"

#include <algorithm>
#include <cmath>

namespace iba {

namespace {

int64_t inside(int64_t index, int64_t size, Border border) {
  if (border == Border::mirror && size > 1) {
    if (index < 0) index = -index;
    if (index >= size) index = 2 * (size - 1) - index;
  }
  return std::clamp<int64_t>(index, 0, size - 1);
}

}  // namespace

at::Tensor resize_matrix(int64_t from, int64_t to, Border border) {
  at::Tensor matrix = at::zeros({to, from});
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

at::Tensor enlarge(const at::Tensor& map, std::array<int64_t, 2> size, Border border) {
  at::Tensor rows = resize_matrix(map.size(0), size[0], border);
  at::Tensor columns = resize_matrix(map.size(1), size[1], border);
  return at::matmul(rows, at::matmul(map, columns.t()));
}

}  // namespace iba
