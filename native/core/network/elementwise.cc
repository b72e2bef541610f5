#include "network/elementwise.h"

#include <algorithm>

#include "network/step_state.h"

namespace iba {

namespace {

constexpr int64_t kGrainElements = 32768;

bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.dim() == 4 &&
         tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor per_channel(const at::Tensor& values, const at::Tensor& like) {
  at::DimVector shape(like.dim(), 1);
  shape[1] = values.numel();
  return values.view(shape);
}

/// Calls `row(start, channels)` for the row of channels of every pixel of a channels-last tensor, in
/// parallel.
template <typename Row>
void for_each_pixel(const at::Tensor& x, const Row& row) {
  int64_t channels = std::max<int64_t>(x.size(1), 1);
  at::parallel_for(0, x.numel() / channels, std::max<int64_t>(kGrainElements / channels, 1),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t pixel = begin; pixel < end; ++pixel) row(pixel * channels, channels);
                   });
}

}  // namespace

at::Tensor scale_and_shift(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift) {
  if (!is_exclusive(x)) return at::addcmul(per_channel(shift, x), x, per_channel(scale, x));
  return x.mul_(per_channel(scale, x)).add_(per_channel(shift, x));
}

at::Tensor normalise_and_rectify(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift,
                                 const at::Tensor& shortcut) {
  bool one_pass = is_plain(x) && is_exclusive(x) && (!shortcut.defined() || is_plain(shortcut));
  if (!one_pass) {
    x = scale_and_shift(std::move(x), scale, shift);
    return (shortcut.defined() ? x.add_(shortcut) : x).relu_();
  }
  float* data = x.data_ptr<float>();
  const float* factor = scale.const_data_ptr<float>();
  const float* offset = shift.const_data_ptr<float>();
  if (!shortcut.defined()) {
    for_each_pixel(x, [=](int64_t start, int64_t channels) {
      float* row = data + start;
      for (int64_t c = 0; c < channels; ++c) row[c] = std::max(row[c] * factor[c] + offset[c], 0.0f);
    });
    return x;
  }
  const float* other = shortcut.const_data_ptr<float>();
  for_each_pixel(x, [=](int64_t start, int64_t channels) {
    float* row = data + start;
    const float* added = other + start;
    for (int64_t c = 0; c < channels; ++c) row[c] = std::max(row[c] * factor[c] + offset[c] + added[c], 0.0f);
  });
  return x;
}

std::pair<at::Tensor, at::Tensor> normalise_and_rectify_backward(at::Tensor gradient, at::Tensor output,
                                                                 const at::Tensor& scale, bool has_shortcut) {
  if (!is_plain(gradient) || !is_plain(output)) {
    at::Tensor passed = at::threshold_backward(gradient, output, 0);
    at::Tensor x = passed * per_channel(scale, passed);
    return {x, has_shortcut ? passed : at::Tensor()};
  }
  if (!is_exclusive(gradient)) gradient = gradient.clone();
  float* data = gradient.data_ptr<float>();
  const float* result = output.const_data_ptr<float>();
  const float* factor = scale.const_data_ptr<float>();
  if (!has_shortcut) {
    for_each_pixel(gradient, [=](int64_t start, int64_t channels) {
      float* row = data + start;
      const float* active = result + start;
      for (int64_t c = 0; c < channels; ++c) row[c] = active[c] > 0.0f ? row[c] * factor[c] : 0.0f;
    });
    return {gradient, at::Tensor()};
  }
  // Fresh memory costs more than the arithmetic: the output is read here for the last time.
  at::Tensor scaled = is_exclusive(output) ? output : at::empty_like(gradient);
  float* target = scaled.data_ptr<float>();
  for_each_pixel(gradient, [=](int64_t start, int64_t channels) {
    float* row = data + start;
    float* scaled_row = target + start;
    const float* active = result + start;
    for (int64_t c = 0; c < channels; ++c) {
      float passed = active[c] > 0.0f ? row[c] : 0.0f;
      row[c] = passed;
      scaled_row[c] = passed * factor[c];
    }
  });
  return {scaled, gradient};
}

}  // namespace iba
