#include "network/fused_convolution.h"

#include <ATen/core/dispatch/Dispatcher.h>

namespace iba {

namespace {

c10::IValue numbers(const Pair& pair) {
  return std::vector<int64_t>(pair.begin(), pair.end());
}

/// LibTorch declares these operators in no header.
Tensor call(const char* name, const char* overload, std::vector<c10::IValue> arguments) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).callBoxed(&arguments);
  return arguments[0].toTensor();
}

constexpr const char* kConvolve = "mkldnn::_convolution_pointwise";

void append_settings(const Convolution& convolution, std::vector<c10::IValue>& arguments) {
  const auto& [weight, bias, stride, padding, dilation, groups] = convolution;
  arguments.insert(arguments.end(), {weight, bias.defined() ? c10::IValue(bias) : c10::IValue(),
                                     numbers(padding), numbers(stride), numbers(dilation), groups});
}

Tensor convolve(const Convolution& convolution, const Tensor& x, const Relu* relu) {
  std::vector<c10::IValue> arguments{x};
  append_settings(convolution, arguments);
  c10::List<std::optional<at::Scalar>> limits;
  if (relu && relu->limit) limits = {at::Scalar(0.0), at::Scalar(*relu->limit)};
  const char* activation = !relu ? "none" : relu->limit ? "hardtanh" : "relu";
  arguments.insert(arguments.end(), {activation, limits, c10::IValue()});
  return call(kConvolve, "", std::move(arguments));
}

Tensor convolve_and_add(const Convolution& convolution, const Tensor& x, const Tensor& shortcut,
                        const Relu* relu) {
  std::vector<c10::IValue> arguments{x, shortcut};
  // This operator alone takes no biases in float.
  Convolution rounded = convolution;
  if (rounded.bias.defined()) rounded.bias = rounded.bias.to(at::kBFloat16);
  append_settings(rounded, arguments);
  const c10::List<std::optional<at::Scalar>> limits;
  arguments.insert(arguments.end(), {"add", at::Scalar(1.0), relu ? c10::IValue("relu") : c10::IValue(),
                                     limits, c10::IValue()});
  return call(kConvolve, "binary", std::move(arguments));
}

/// The same in passes of their own.
Tensor added_and_rectified(Tensor sum, const Tensor& shortcut, const Relu* relu) {
  if (shortcut.defined()) sum.add_(shortcut);
  if (!relu) return sum;
  std::vector<Tensor> inputs{std::move(sum)};
  return relu->forward(inputs, nullptr);
}

/// By trying it: an operator that is missing or takes other arguments, and a processor that can't, all throw.
bool works() {
  try {
    const auto channels_last = at::MemoryFormat::ChannelsLast;
    const Tensor ones = at::ones({1, 8, 2, 2}, at::kBFloat16).contiguous(channels_last);
    const Convolution convolution{
        .weight = at::full({8, 8, 1, 1}, -1, at::kBFloat16).contiguous(channels_last), .bias = at::ones({8})};
    const Relu relu;
    const Tensor zeros = convolve_add_and_rectify(convolution, ones, Tensor(), &relu);
    const Tensor sums = convolve_add_and_rectify(convolution, ones, at::full_like(ones, 8), &relu);
    Convolution packed = convolution;
    packed.weight = packed_weight(convolution, ones);
    const Tensor same = convolve_add_and_rectify(packed, ones, Tensor(), nullptr);
    return zeros.eq(0).all().item<bool>() && sums.eq(1).all().item<bool>() && same.eq(-7).all().item<bool>();
  } catch (const c10::Error&) {
    return false;
  }
}

}  // namespace

bool fuses_convolutions() {
  static const bool works_here = works();
  return works_here;
}

bool is_fusible(const Convolution& convolution) {
  if (!convolution.weight.is_cpu()) return true;
  return convolution.weight.scalar_type() == at::kBFloat16 && fuses_convolutions();
}

bool lie_for_fusion(const Tensor& images) {
  return images.is_cpu() && images.suggest_memory_format() == at::MemoryFormat::ChannelsLast;
}

Tensor packed_weight(const Convolution& convolution, const Tensor& images) {
  const auto& [weight, bias, stride, padding, dilation, groups] = convolution;
  return call("mkldnn::_reorder_convolution_weight", "",
              {weight, numbers(padding), numbers(stride), numbers(dilation), groups, images.sizes().vec()});
}

Tensor convolve_add_and_rectify(const Convolution& convolution, const Tensor& x, const Tensor& shortcut,
                                const Relu* relu) {
  if (!lie_for_fusion(x)) {
    std::vector<Tensor> inputs{x};
    return added_and_rectified(convolution.forward(inputs, nullptr), shortcut, relu);
  }
  if (!shortcut.defined()) return convolve(convolution, x, relu);
  // With an addition oneDNN has neither groups nor a limit.
  if (convolution.groups > 1) return added_and_rectified(convolve(convolution, x, nullptr), shortcut, relu);
  if (!relu || !relu->limit) return convolve_and_add(convolution, x, shortcut, relu);
  return added_and_rectified(convolve_and_add(convolution, x, shortcut, nullptr), {}, relu);
}

}  // namespace iba
