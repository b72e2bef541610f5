#include "attribution/map.h"

namespace iba {

namespace {

at::Tensor divide(const at::Tensor& map, double by) {
  return by == 0 ? map : map / by;
}

}  // namespace

at::Tensor clip_outliers(const at::Tensor& map) {
  at::Tensor bounds = at::quantile(map.flatten(), at::tensor({0.005, 0.995}, map.options()));
  return map.clamp(bounds[0].item<float>(), bounds[1].item<float>());
}

at::Tensor divide_by_absolute_sum(const at::Tensor& map) {
  return divide(map, map.abs().sum(at::kDouble).item<double>());
}

at::Tensor divide_by_sum(const at::Tensor& map) {
  return divide(map, map.sum(at::kDouble).item<double>());
}

at::Tensor enlarge(const at::Tensor& map, std::array<int64_t, 2> size) {
  return at::upsample_bilinear2d(map.unsqueeze(0).unsqueeze(0), size, false)[0][0];
}

}  // namespace iba
