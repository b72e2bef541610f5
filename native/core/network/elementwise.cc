#include "network/elementwise.h"

#include <algorithm>

#include "network/step_pass.h"

namespace iba {

namespace {

constexpr int64_t kGrainElements = 32768;

bool runs_in_place(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.dim() == 4 && is_exclusive(tensor) &&
         tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor per_channel(const at::Tensor& values, const at::Tensor& like) {
  at::DimVector shape(like.dim(), 1);
  shape[1] = values.numel();
  return values.view(shape);
}

/// Calls `row(pixel)` for every pixel of a channels-last tensor, in parallel.
template <typename Row>
void for_each_pixel(const at::Tensor& x, const Row& row) {
  int64_t channels = x.size(1);
  int64_t pixels = x.numel() / std::max<int64_t>(channels, 1);
  int64_t grain = std::max<int64_t>(kGrainElements / std::max<int64_t>(channels, 1), 1);
  at::parallel_for(0, pixels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t pixel = begin; pixel < end; ++pixel) row(pixel * channels, channels);
  });
}

}  // namespace

at::Tensor scale_and_shift(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift, bool relu) {
  if (!runs_in_place(x)) {
    auto y = at::addcmul(per_channel(shift, x), x, per_channel(scale, x));
    return relu ? y.relu_() : y;
  }
  float* data = x.data_ptr<float>();
  const float* factor = scale.const_data_ptr<float>();
  const float* offset = shift.const_data_ptr<float>();
  const float floor = relu ? 0.0f : -std::numeric_limits<float>::infinity();
  for_each_pixel(x, [=](int64_t start, int64_t channels) {
    float* row = data + start;
    for (int64_t c = 0; c < channels; ++c) row[c] = std::max(row[c] * factor[c] + offset[c], floor);
  });
  return x;
}

at::Tensor scale_and_shift_relu_backward(at::Tensor gradient, const at::Tensor& output,
                                         const at::Tensor& scale) {
  if (!runs_in_place(gradient) || !output.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return at::threshold_backward(gradient, output, 0).mul_(per_channel(scale, gradient));
  }
  float* data = gradient.data_ptr<float>();
  const float* result = output.const_data_ptr<float>();
  const float* factor = scale.const_data_ptr<float>();
  for_each_pixel(gradient, [=](int64_t start, int64_t channels) {
    float* row = data + start;
    const float* active = result + start;
    for (int64_t c = 0; c < channels; ++c) row[c] = active[c] > 0.0f ? row[c] * factor[c] : 0.0f;
  });
  return gradient;
}

}  // namespace iba
