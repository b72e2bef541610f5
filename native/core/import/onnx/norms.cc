#include "import/onnx/norms.h"

namespace iba::imported::onnx {

namespace {

/// The sizes that the norm is over, which LibTorch wants its weights to have.
std::vector<int64_t> norm_shape(Call& call, const Item& input) {
  const Tensor& tensor = tensor_in(input);
  int64_t axis = call.axis(call.integer("axis", -1), tensor.dim());
  std::vector<int64_t> shape;
  for (int64_t i = axis; i < tensor.dim(); ++i) {
    // Tied to the size of the images, where it comes from that.
    shape.push_back(call.recorder().decide(call.size(input, i), "the shape of a norm").toInt());
  }
  return shape;
}

Item weight_of(Call& call, size_t i, const std::vector<int64_t>& shape) {
  if (!call.has(i)) return none();
  if (auto constant = call.constant(i)) return make_item(constant->expand(shape).contiguous());
  return call.aten("expand", {call.tensor(i), integers_item(shape)});
}

}  // namespace

Item layer_norm_of(Call& call, const Item& input, size_t weight, size_t bias, double epsilon) {
  auto shape = norm_shape(call, input);
  return call.aten("layer_norm",
                   {input, integers_item(shape), weight_of(call, weight, shape), weight_of(call, bias, shape),
                    number(call.real("epsilon", epsilon)), make_item(false)});
}

Item rms_norm_of(Call& call, const Item& input, size_t weight, double epsilon) {
  auto shape = norm_shape(call, input);
  return call.aten("rms_norm", {input, integers_item(shape), weight_of(call, weight, shape),
                                number(call.real("epsilon", epsilon))});
}

}  // namespace iba::imported::onnx
