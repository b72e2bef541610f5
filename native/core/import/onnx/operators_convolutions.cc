#include "import/onnx/activations.h"
#include "import/onnx/numbers.h"
#include "import/onnx/operators.h"
#include "import/onnx/windows.h"

namespace iba::imported::onnx {

namespace {

/// The extents of a kernel (…, …, height, width), or of other dimensions.
std::vector<int64_t> kernel_of(Call& call, const Tensor& weight) {
  if (weight.dim() < 3) call.refuse("has weights of less than three dimensions. The file is damaged.");
  return weight.sizes().slice(2).vec();
}

Item convolution(Call& call) {
  Item input = call.tensor(0), weight = call.tensor(1);
  Window window = window_of(call, input, kernel_of(call, tensor_in(weight)));
  auto padding = symmetric_padding(window);
  if (!padding) {
    input = padded(call, input, window, 0);
    padding = std::vector<int64_t>(window.kernel.size(), 0);
  }
  return call.aten(
      with_dimensions("conv", window),
      {input, weight, call.optional_tensor(2), integers_item(window.stride), integers_item(*padding),
       integers_item(window.dilation), number(call.integer("group", 1))});
}

std::vector<Item> conv(Call& call) {
  return {convolution(call)};
}

/// The padding of a transposed convolution by the shape that its output is to have.
void pad_to_shape(Call& call, Window& window, const std::vector<int64_t>& more,
                  const std::vector<int64_t>& shape, const Item& input) {
  bool more_in_front = call.text("auto_pad", "NOTSET") != "SAME_UPPER";
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    Item size = call.size(input, static_cast<int64_t>(i) + 2);
    int64_t extent = (window.kernel[i] - 1) * window.dilation[i] + 1;
    Item full = plus(
        call.recorder(),
        times(call.recorder(), minus(call.recorder(), size, number(int64_t{1})), number(window.stride[i])),
        number(more[i] + extent));
    Item total = minus(call.recorder(), full, number(shape[i]));
    Item less = quotient(call.recorder(), total, number(int64_t{2}));
    Item rest = minus(call.recorder(), total, less);
    window.begin[i] = more_in_front ? rest : less;
    window.end[i] = more_in_front ? less : rest;
  }
}

std::vector<Item> transposed(Call& call) {
  Item input = call.tensor(0), weight = call.tensor(1);
  auto kernel = kernel_of(call, tensor_in(weight));
  std::string automatic = call.text("auto_pad", "NOTSET");
  auto shape = call.integers("output_shape");
  if (!shape && (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")) {
    call.refuse("has the padding '" + automatic + "' without 'output_shape'. Give it explicit 'pads'.");
  }
  Window window = window_of(call, input, kernel);
  auto more = spatial_list(call, "output_padding", kernel.size(), 0);
  if (shape) {
    if (shape->size() > kernel.size())
      shape->erase(shape->begin(), shape->end() - static_cast<int64_t>(kernel.size()));
    if (shape->size() != kernel.size())
      call.refuse("has an 'output_shape' of other dimensions than its kernel.");
    pad_to_shape(call, window, more, *shape, input);
  }
  auto padding = symmetric_padding(window);
  std::vector<int64_t> none_around(kernel.size(), 0);
  Item made = call.aten(with_dimensions("conv_transpose", window),
                        {input, weight, call.optional_tensor(2), integers_item(window.stride),
                         integers_item(padding.value_or(none_around)), integers_item(more),
                         number(call.integer("group", 1)), integers_item(window.dilation)},
                        kernel.size() == 2 ? "input" : "");
  if (padding) return {made};
  for (auto* side : {&window.begin, &window.end}) {
    for (auto& pad : *side) pad = minus(call.recorder(), number(int64_t{0}), pad);
  }
  return {padded(call, made, window, 0)};
}

/// A convolution with a shortcut that is added and an activation function behind it.
std::vector<Item> fused_conv(Call& call) {
  Item made = convolution(call);
  if (call.has(3)) made = call.aten("add", {made, call.tensor(3)}, "Tensor");
  return {fused_activation(call, made, call.reals("activation_params").value_or(std::vector<double>()))};
}

}  // namespace

void add_convolutions(OperatorTable& table) {
  table["Conv"] = conv;
  table["ConvTranspose"] = transposed;
  table["com.microsoft.FusedConv"] = fused_conv;
}

}  // namespace iba::imported::onnx
