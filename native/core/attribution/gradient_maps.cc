#include "attribution/gradient_maps.h"

#include "attribution/map.h"

namespace iba {

at::Tensor signed_map(const at::Tensor& gradient, bool paper) {
  at::Tensor map = clip_outliers(gradient.mean(0));
  return paper ? divide_by_sum(map) : divide_by_absolute_sum(map);
}

at::Tensor saliency_map(const at::Tensor& gradient) {
  return divide_by_sum(clip_outliers(gradient.abs().amax(0)));
}

}  // namespace iba
