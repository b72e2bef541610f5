#include "network/operations/convolution.h"

#include "network/elementwise.h"
#include "runtime/processor.h"

namespace iba {

namespace {

/// A 1×1 convolution is a matrix product over the pixels, which can be faster than as a convolution.
bool is_matrix_product(const Convolution& op, const Tensor& x) {
  static const Pair one{1, 1}, zero{0, 0};
  return multiplies_matrices_well() && x.is_cpu() && op.groups == 1 && op.weight.size(2) == 1 &&
         op.weight.size(3) == 1 && op.stride == one && op.padding == zero && !x.requires_grad() &&
         !op.weight.requires_grad() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

/// The pixels of a channels-last image as the rows of a matrix, without a copy.
Tensor pixel_rows(const Tensor& image) {
  return image.permute({0, 2, 3, 1}).view({-1, image.size(1)});
}

/// Multiplies every pixel's channels by the matrix (in, out). The result is no view, so it may be overwritten
/// later.
Tensor multiply_pixels(const Tensor& image, const Tensor& matrix, const Tensor& bias) {
  Tensor result = at::empty({image.size(0), matrix.size(1), image.size(2), image.size(3)}, image.options(),
                            at::MemoryFormat::ChannelsLast);
  Tensor rows = pixel_rows(result);
  if (bias.defined()) {
    at::addmm_out(rows, bias, pixel_rows(image), matrix);
  } else {
    at::mm_out(rows, pixel_rows(image), matrix);
  }
  return result;
}

/// Whether oneDNN goes back through a convolution in bfloat16 up to a hundred times as slowly as in float:
/// with strides and hardly any channels in a group, as of depthwise convolutions.
bool goes_back_slowly(const Convolution& op) {
  constexpr int64_t kFewChannels = 2;
  const bool strides = op.stride[0] > 1 || op.stride[1] > 1;
  return op.weight.is_cpu() && op.weight.scalar_type() == at::kBFloat16 && op.groups > 1 && strides &&
         op.weight.size(1) <= kFewChannels;
}

}  // namespace

Tensor Convolution::forward(std::vector<Tensor>& inputs, StepState*) const {
  const Tensor& x = inputs[0];
  // A network in bfloat16 has its biases in float.
  const bool adds_apart = bias.defined() && bias.scalar_type() != weight.scalar_type();
  const Tensor bias_within = adds_apart ? Tensor() : bias;
  Tensor sum = is_matrix_product(*this, x) ? multiply_pixels(x, weight.flatten(1).t(), bias_within)
                                           : at::convolution(x, weight, bias_within, stride, padding,
                                                             dilation, false, {0, 0}, groups);
  return adds_apart ? shifted(std::move(sum), bias) : sum;
}

std::vector<Tensor> Convolution::backward(const StepState& state, Tensor gradient) const {
  if (is_matrix_product(*this, gradient)) return {multiply_pixels(gradient, weight.flatten(1), Tensor())};
  if (goes_back_slowly(*this)) {
    Convolution exact = *this;
    exact.weight = weight.to(at::kFloat);
    return {exact.backward(state, gradient.to(at::kFloat))[0].to(at::kBFloat16)};
  }
  return {std::get<0>(at::convolution_backward(gradient, state.input_placeholder(gradient), weight,
                                               c10::nullopt, stride, padding, dilation, false, {0, 0}, groups,
                                               {true, false, false}))};
}

}  // namespace iba
