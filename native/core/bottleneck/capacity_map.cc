#include "bottleneck/capacity_map.h"

#include <algorithm>
#include <cmath>

#include "image/enlarge.h"

namespace iba {

at::Tensor bits_per_pixel_map(const at::Tensor& capacity, std::array<int64_t, 2> image_size) {
  at::Tensor sum = capacity.sum(0).cpu();
  auto pixels = static_cast<double>(image_size[0] * image_size[1]);
  double bits_per_pixel = static_cast<double>(sum.numel()) / pixels / std::log(2.0);
  return enlarge(sum * bits_per_pixel, image_size, Border::mirror);
}

at::Tensor scaled_sum_map(const at::Tensor& capacity, std::array<int64_t, 2> image_size) {
  at::Tensor sum = capacity.sum(0).cpu();
  sum = sum - sum.min();
  double maximum = sum.max().item<double>();
  if (maximum > 0) sum = sum / maximum;
  return enlarge(sum, image_size);
}

at::Tensor scaled_mean_map(const at::Tensor& capacity, std::array<int64_t, 2> image_size) {
  constexpr double kSmallestMaximum = 1e-5;
  at::Tensor map = enlarge(capacity.mean(0).cpu(), image_size);
  map = map - map.min();
  return map / std::max(map.max().item<double>(), kSmallestMaximum);
}

}  // namespace iba
