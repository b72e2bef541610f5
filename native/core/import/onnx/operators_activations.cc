#include <cmath>
#include <limits>

#include "import/onnx/activations.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

/// Operators of one tensor that LibTorch has as well.
std::vector<Item> of_one(Call& call) {
  static const std::map<std::string, std::string> kNames = {
      {"Relu", "relu"},         {"Sigmoid", "sigmoid"}, {"Tanh", "tanh"},           {"Erf", "erf"},
      {"Softplus", "softplus"}, {"Mish", "mish"},       {"HardSwish", "hardswish"}, {"Silu", "silu"}};
  return {call.aten(kNames.at(call.operation()), {call.tensor(0)})};
}

std::vector<Item> leaky_relu(Call& call) {
  return {call.aten("leaky_relu", {call.tensor(0), number(call.real("alpha", 0.01))})};
}

std::vector<Item> elu(Call& call) {
  return {call.aten("elu", {call.tensor(0), number(call.real("alpha", 1.0))})};
}

std::vector<Item> celu(Call& call) {
  double alpha = call.real("alpha", 1.0);
  if (alpha == 0) call.refuse("has 'alpha' 0, by which it would divide. The file is damaged.");
  return {call.aten("celu", {call.tensor(0), number(alpha)})};
}

std::vector<Item> selu(Call& call) {
  constexpr double kAlpha = 1.67326319217681884765625, kGamma = 1.05070102214813232421875;
  double alpha = call.real("alpha", kAlpha), gamma = call.real("gamma", kGamma);
  // Files keep them as numbers of 32 bits, or rounded by hand.
  if (std::abs(alpha - kAlpha) < 1e-6 && std::abs(gamma - kGamma) < 1e-6) {
    return {call.aten("selu", {call.tensor(0)})};
  }
  return {call.aten("elu", {call.tensor(0), number(alpha), number(gamma), number(1.0)})};
}

std::vector<Item> gelu(Call& call) {
  std::string form = call.text("approximate", "none");
  if (form != "none" && form != "tanh") {
    call.refuse("has the approximation '" + form + "', expected none or tanh. Export the model again.");
  }
  return {call.aten("gelu", {call.tensor(0), make_item(form)})};
}

std::vector<Item> prelu(Call& call) {
  Item input = call.tensor(0);
  const auto sizes = tensor_in(input).sizes();
  if (auto slope = call.constant(1)) {
    bool of_channels = sizes.size() >= 2 && slope->numel() == sizes[1] &&
                       slope->dim() == static_cast<int64_t>(sizes.size()) - 1 && slope->size(0) == sizes[1];
    if (slope->numel() == 1 || of_channels) {
      return {call.aten("prelu", {input, make_item(slope->reshape({-1}))})};
    }
  }
  Item below = call.aten("mul", {input, call.tensor(1)}, "Tensor");
  Item positive = call.aten("ge", {input, number(int64_t{0})}, "Scalar");
  return {call.aten("where", {positive, input, below}, "self")};
}

/// Between two bounds, of which either may be absent.
std::vector<Item> clip(Call& call) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double least = call.real("min", call.real(1, -kInfinity)), most = call.real("max", call.real(2, kInfinity));
  // Older opsets write the ends of the format in place of none.
  constexpr double kEnd = 3.4e38;
  bool has_least = least > -kEnd, has_most = most < kEnd;
  Item input = call.tensor(0);
  if (!has_least && !has_most) return {input};
  if (has_least && least == 0 && !has_most) return {call.aten("relu", {input})};
  if (has_least && has_most && least <= most && tensor_in(input).is_floating_point()) {
    return {call.aten("hardtanh", {input, number(least), number(most)})};
  }
  return {call.aten("clamp", {input, has_least ? number(least) : none(), has_most ? number(most) : none()})};
}

std::vector<Item> hard_sigmoid(Call& call) {
  return {hard_sigmoid_of(call, call.tensor(0), call.real("alpha", 0.2), call.real("beta", 0.5))};
}

std::vector<Item> swish(Call& call) {
  return {swish_of(call, call.tensor(0), call.real("alpha", 1.0))};
}

std::vector<Item> softsign(Call& call) {
  Item input = call.tensor(0);
  Item size = call.aten("add", {call.aten("abs", {input}), number(1.0)}, "Scalar");
  return {call.aten("div", {input, size}, "Tensor")};
}

std::vector<Item> thresholded_relu(Call& call) {
  return {call.aten("threshold", {call.tensor(0), number(call.real("alpha", 1.0)), number(0.0)})};
}

/// Over one axis. Before opset 13, over all from that axis on.
std::vector<Item> softmax(Call& call) {
  const char* name = call.operation() == "Softmax" ? "softmax" : "log_softmax";
  Item input = call.tensor(0);
  int64_t rank = call.rank(0);
  auto over = [&](const Item& values, int64_t axis) {
    return call.aten(name, {values, number(axis), none()}, "int");
  };
  if (call.opset() >= 13) return {over(input, call.axis(call.integer("axis", -1), rank))};
  int64_t axis = call.axis(call.integer("axis", 1), rank);
  int64_t wide = 0, last = axis;
  for (int64_t i = axis; i < rank; ++i) {
    if (tensor_in(input).size(i) == 1) continue;
    ++wide;
    last = i;
  }
  if (wide <= 1) return {over(input, last)};
  std::vector<Item> sizes;
  for (int64_t i = 0; i < rank; ++i) sizes.push_back(call.size(input, i));
  Item flat = call.aten("flatten", {input, number(axis), number(int64_t{-1})}, "using_ints");
  return {call.aten("reshape", {over(flat, axis), make_list(std::move(sizes))})};
}

}  // namespace

void add_activations(OperatorTable& table) {
  for (const char* name : {"Relu", "Sigmoid", "Tanh", "Erf", "Softplus", "Mish", "HardSwish", "fused.Silu"}) {
    table[name] = of_one;
  }
  table["LeakyRelu"] = leaky_relu;
  table["Elu"] = elu;
  table["Celu"] = celu;
  table["Selu"] = selu;
  table["Gelu"] = gelu;
  table["fused.Gelu"] = gelu;
  table["com.microsoft.Gelu"] = gelu;
  table["PRelu"] = prelu;
  table["Clip"] = clip;
  table["HardSigmoid"] = hard_sigmoid;
  table["Swish"] = swish;
  table["Softsign"] = softsign;
  table["ThresholdedRelu"] = thresholded_relu;
  table["Softmax"] = softmax;
  table["LogSoftmax"] = softmax;
}

}  // namespace iba::imported::onnx
