#include "bottleneck/pixels.h"

namespace iba {

at::Tensor to_pixels(const at::Tensor& activation) {
  at::Tensor image = activation.dim() == 2 ? activation.unsqueeze(2).unsqueeze(3) : activation;
  return image.permute({0, 2, 3, 1}).contiguous();
}

at::Tensor from_pixels(const at::Tensor& pixels, int64_t dimensions) {
  return dimensions == 2 ? pixels.squeeze(2).squeeze(1) : pixels.permute({0, 3, 1, 2});
}

at::Tensor statistic_pixels(const at::Tensor& statistic, at::TensorOptions options) {
  return to_pixels(statistic.to(options).unsqueeze(0))[0].contiguous();
}

}  // namespace iba
