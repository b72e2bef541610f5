#include "network/elementwise.h"

#include <algorithm>
#include <type_traits>

#include "network/step_state.h"
#include "runtime/widest_vectors.h"

namespace iba {

namespace {

constexpr int64_t kGrainElements = 32768;

/// Whether the loops below can run over a tensor: channels-last float or bfloat16 on the CPU.
bool is_plain(const at::Tensor& tensor) {
  return tensor.is_cpu() && (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16) &&
         tensor.dim() == 4 && tensor.is_contiguous(at::MemoryFormat::ChannelsLast);
}

/// Whether they can run over both at once.
bool are_plain(const at::Tensor& first, const at::Tensor& second) {
  return is_plain(first) && is_plain(second) && first.scalar_type() == second.scalar_type();
}

/// Calls `loop` with a number of the tensor's type.
template <typename Loop>
void with_type(const at::Tensor& tensor, const Loop& loop) {
  if (tensor.scalar_type() == at::kBFloat16) {
    loop(at::BFloat16());
  } else {
    loop(0.0f);
  }
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

/// Calls `loop(c)` for each channel. Conversions of bfloat16 take ten times as long in narrow vectors;
/// results in float stay what they are.
template <typename Number, typename Loop>
void for_each_channel(int64_t channels, const Loop& loop) {
  if constexpr (std::is_same_v<Number, at::BFloat16>) {
    in_widest_vectors(channels, loop);
  } else {
    for (int64_t c = 0; c < channels; ++c) loop(c);
  }
}

/// The number where the activation is positive, or else 0. What is computed of it afterwards needs no branch,
/// but GCC makes one of what is computed before.
template <typename Number>
float where_active(Number activation, float number) {
  return static_cast<float>(activation) > 0 ? number : 0;
}

template <typename Number>
void normalise_and_rectify_in_place(at::Tensor& x, const at::Tensor& scale, const at::Tensor& shift,
                                    const at::Tensor& shortcut) {
  Number* data = x.data_ptr<Number>();
  const float* factor = scale.const_data_ptr<float>();
  const float* offset = shift.const_data_ptr<float>();
  if (!shortcut.defined()) {
    for_each_pixel(x, [=](int64_t start, int64_t channels) {
      Number* row = data + start;
      for_each_channel<Number>(channels, [=](int64_t c) {
        row[c] = std::max(static_cast<float>(row[c]) * factor[c] + offset[c], 0.0f);
      });
    });
    return;
  }
  const Number* other = shortcut.const_data_ptr<Number>();
  for_each_pixel(x, [=](int64_t start, int64_t channels) {
    Number* row = data + start;
    const Number* added = other + start;
    for_each_channel<Number>(channels, [=](int64_t c) {
      row[c] =
          std::max(static_cast<float>(row[c]) * factor[c] + offset[c] + static_cast<float>(added[c]), 0.0f);
    });
  });
}

/// Masks the gradient by the output, and scales it: in place, or into `scaled` where there is a shortcut,
/// which the masked gradient itself is for.
template <typename Number>
void mask_and_scale(at::Tensor& gradient, const at::Tensor& output, const at::Tensor& scale,
                    at::Tensor& scaled) {
  Number* data = gradient.data_ptr<Number>();
  const Number* result = output.const_data_ptr<Number>();
  const float* factor = scale.const_data_ptr<float>();
  if (!scaled.defined()) {
    for_each_pixel(gradient, [=](int64_t start, int64_t channels) {
      Number* row = data + start;
      const Number* active = result + start;
      in_widest_vectors(channels, [=](int64_t c) {
        row[c] = where_active(active[c], static_cast<float>(row[c])) * factor[c];
      });
    });
    return;
  }
  Number* target = scaled.data_ptr<Number>();
  for_each_pixel(gradient, [=](int64_t start, int64_t channels) {
    Number* row = data + start;
    Number* scaled_row = target + start;
    const Number* active = result + start;
    in_widest_vectors(channels, [=](int64_t c) {
      const float passed = where_active(active[c], static_cast<float>(row[c]));
      row[c] = passed;
      scaled_row[c] = passed * factor[c];
    });
  });
}

/// Whether a pass of our own over memory takes the place of several of LibTorch's, which are slow where types
/// are mixed.
bool is_own_bfloat16(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 && is_plain(x) && is_exclusive(x);
}

/// Calls `change(number, channel)` for each number of a tensor, which it takes the place of.
template <typename Change>
void change_in_place(at::Tensor& x, const Change& change) {
  auto* data = x.data_ptr<at::BFloat16>();
  for_each_pixel(x, [=](int64_t start, int64_t channels) {
    auto* row = data + start;
    in_widest_vectors(channels, [=](int64_t c) { row[c] = change(static_cast<float>(row[c]), c); });
  });
}

}  // namespace

at::Tensor scale_and_shift(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift) {
  if (is_own_bfloat16(x)) {
    const float *factor = scale.const_data_ptr<float>(), *offset = shift.const_data_ptr<float>();
    change_in_place(x, [=](float number, int64_t c) { return number * factor[c] + offset[c]; });
    return x;
  }
  if (!is_exclusive(x))
    return at::addcmul(per_channel(shift, x), x, per_channel(scale, x)).to(x.scalar_type());
  const bool would_round_twice = x.scalar_type() != scale.scalar_type();
  if (would_round_twice) return at::addcmul_out(x, per_channel(shift, x), x, per_channel(scale, x));
  return x.mul_(per_channel(scale, x)).add_(per_channel(shift, x));
}

at::Tensor relu_backward(at::Tensor gradient, const at::Tensor& output) {
  if (!is_exclusive(gradient)) return at::threshold_backward(gradient, output, 0);
  at::threshold_backward_out(gradient, gradient, output, 0);
  return gradient;
}

at::Tensor scaled(at::Tensor x, const at::Tensor& scale) {
  if (is_own_bfloat16(x)) {
    const float* factor = scale.const_data_ptr<float>();
    change_in_place(x, [=](float number, int64_t c) { return number * factor[c]; });
    return x;
  }
  return is_exclusive(x) ? x.mul_(per_channel(scale, x)) : (x * per_channel(scale, x)).to(x.scalar_type());
}

at::Tensor shifted(at::Tensor x, const at::Tensor& shift) {
  if (is_own_bfloat16(x)) {
    const float* offset = shift.const_data_ptr<float>();
    change_in_place(x, [=](float number, int64_t c) { return number + offset[c]; });
    return x;
  }
  return is_exclusive(x) ? x.add_(per_channel(shift, x)) : (x + per_channel(shift, x)).to(x.scalar_type());
}

at::Tensor normalise_and_rectify(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift,
                                 const at::Tensor& shortcut) {
  bool one_pass = is_plain(x) && is_exclusive(x) && (!shortcut.defined() || are_plain(x, shortcut));
  if (!one_pass) {
    x = scale_and_shift(std::move(x), scale, shift);
    return (shortcut.defined() ? x.add_(shortcut) : x).relu_();
  }
  with_type(
      x, [&](auto number) { normalise_and_rectify_in_place<decltype(number)>(x, scale, shift, shortcut); });
  return x;
}

std::pair<at::Tensor, at::Tensor> normalise_and_rectify_backward(at::Tensor gradient, at::Tensor output,
                                                                 const at::Tensor& scale, bool has_shortcut) {
  if (!are_plain(gradient, output)) {
    gradient = relu_backward(std::move(gradient), output);
    if (!has_shortcut) return {scaled(std::move(gradient), scale), at::Tensor()};
    at::Tensor x = at::empty_like(gradient);
    at::mul_out(x, gradient, per_channel(scale, gradient));
    return {x, gradient};
  }
  if (!is_exclusive(gradient)) gradient = gradient.clone();
  at::Tensor scaled;
  // Fresh memory costs more than the arithmetic: the output is read here for the last time.
  if (has_shortcut) scaled = is_exclusive(output) ? output : at::empty_like(gradient);
  with_type(gradient,
            [&](auto number) { mask_and_scale<decltype(number)>(gradient, output, scale, scaled); });
  if (!has_shortcut) return {gradient, at::Tensor()};
  return {scaled, gradient};
}

}  // namespace iba
