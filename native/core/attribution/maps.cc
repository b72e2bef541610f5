#include "attribution/maps.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace iba {

namespace {

/// The value below which a share of the values lies, interpolated between neighbours. Reorders the values, of
/// which there must be some.
float quantile(std::vector<float>& values, double share) {
  double position = share * static_cast<double>(values.size() - 1);
  auto below = values.begin() + static_cast<std::ptrdiff_t>(position);
  std::nth_element(values.begin(), below, values.end());
  auto above = below + 1 == values.end() ? below : std::min_element(below + 1, values.end());
  return std::lerp(*below, *above, static_cast<float>(position - std::floor(position)));
}

at::Tensor clip_outliers(const at::Tensor& map) {
  if (map.size(0) == 1) return map;  // a text, of which no token is one of many
  at::Tensor pixels = map.to(at::kCPU, at::kFloat).contiguous();
  if (pixels.isnan().any().item<bool>()) return map;
  // Two values are needed: sorting them all would take longer than all else that is done with a map.
  std::vector<float> values(pixels.const_data_ptr<float>(), pixels.const_data_ptr<float>() + pixels.numel());
  float lowest = quantile(values, 0.005);
  return map.clamp(lowest, quantile(values, 0.995));
}

at::Tensor divide_by_sum(const at::Tensor& map, const at::Tensor& summed) {
  auto sum = summed.sum(at::kDouble).item<double>();
  return sum == 0 ? map : map / sum;
}

}  // namespace

at::Tensor signed_map(const at::Tensor& gradient, const Conventions& conventions) {
  at::Tensor map = clip_outliers(gradient.mean(0));
  return divide_by_sum(map, conventions.divides_by_absolute_sum ? map.abs() : map);
}

at::Tensor saliency_map(const at::Tensor& gradient) {
  at::Tensor map = clip_outliers(gradient.abs().amax(0));
  return divide_by_sum(map, map);
}

}  // namespace iba
