#include "import/onnx/activations.h"

#include <cmath>

namespace iba::imported::onnx {

Item swish_of(Call& call, const Item& input, double alpha) {
  if (alpha == 1) return call.aten("silu", {input});
  Item gate = call.aten("sigmoid", {call.aten("mul", {input, number(alpha)}, "Scalar")});
  return call.aten("mul", {input, gate}, "Tensor");
}

Item hard_sigmoid_of(Call& call, const Item& input, double alpha, double beta) {
  if (std::abs(alpha - 1.0 / 6) < 1e-6 && beta == 0.5) return call.aten("hardsigmoid", {input});
  Item scaled = call.aten("mul", {input, number(alpha)}, "Scalar");
  Item moved = call.aten("add", {scaled, number(beta)}, "Scalar");
  return call.aten("hardtanh", {moved, number(0.0), number(1.0)});
}

Item fused_activation(Call& call, const Item& input, const std::vector<double>& parameters) {
  std::string name = call.text("activation", "");
  if (name.empty()) return input;
  if (name == "Relu") return call.aten("relu", {input});
  if (name == "Sigmoid") return call.aten("sigmoid", {input});
  if (name == "Tanh") return call.aten("tanh", {input});
  if (name == "LeakyRelu" && parameters.size() == 1) {
    return call.aten("leaky_relu", {input, number(parameters[0])});
  }
  if (name == "Clip" && parameters.size() == 2) {
    return call.aten("hardtanh", {input, number(parameters[0]), number(parameters[1])});
  }
  if (name == "HardSigmoid" && parameters.size() == 2) {
    return hard_sigmoid_of(call, input, parameters[0], parameters[1]);
  }
  call.refuse("ends with the activation function '" + name +
              "', which isn't read. Save the model without onnxruntime's optimisations.");
}

}  // namespace iba::imported::onnx
