#include "import/onnx/norms.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

Item gelu_of(Call& call, const Item& input, const char* form) {
  return call.aten("gelu", {input, make_item(form)});
}

std::vector<Item> gelu(Call& call) {
  return {gelu_of(call, call.tensor(0), "none")};
}

Item with_bias(Call& call, size_t bias) {
  Item input = call.tensor(0);
  return call.has(bias) ? call.aten("add", {input, call.tensor(bias)}, "Tensor") : input;
}

std::vector<Item> bias_gelu(Call& call) {
  return {gelu_of(call, with_bias(call, 1), "none")};
}

std::vector<Item> fast_gelu(Call& call) {
  return {gelu_of(call, with_bias(call, 1), "tanh")};
}

/// x · sigmoid(alpha · x)
std::vector<Item> quick_gelu(Call& call) {
  Item input = call.tensor(0);
  double alpha = call.real("alpha", 1.702);
  if (alpha == 1) return {call.aten("silu", {input})};
  Item gate = call.aten("sigmoid", {call.aten("mul", {input, number(alpha)}, "Scalar")});
  return {call.aten("mul", {input, gate}, "Tensor")};
}

/// The sum of a shortcut, which is the fourth output, and its norm.
Item shortcut_sum(Call& call, size_t bias) {
  Item sum = call.aten("add", {call.tensor(0), call.tensor(1)}, "Tensor");
  return call.has(bias) ? call.aten("add", {sum, call.tensor(bias)}, "Tensor") : sum;
}

std::vector<Item> skip_layer_norm(Call& call) {
  Item sum = shortcut_sum(call, 4);
  return {layer_norm_of(call, sum, 2, 3, 1e-12), nullptr, nullptr, sum};
}

std::vector<Item> skip_rms_norm(Call& call) {
  Item sum = shortcut_sum(call, 3);
  return {rms_norm_of(call, sum, 2, 1e-12), nullptr, nullptr, sum};
}

std::vector<Item> bias_add(Call& call) {
  return {call.aten("add", {with_bias(call, 1), call.tensor(2)}, "Tensor")};
}

}  // namespace

void add_microsoft(OperatorTable& table) {
  table["com.microsoft.Gelu"] = gelu;
  table["com.microsoft.BiasGelu"] = bias_gelu;
  table["com.microsoft.FastGelu"] = fast_gelu;
  table["com.microsoft.QuickGelu"] = quick_gelu;
  table["com.microsoft.SkipLayerNormalization"] = skip_layer_norm;
  table["com.microsoft.SkipSimplifiedLayerNormalization"] = skip_rms_norm;
  table["com.microsoft.BiasAdd"] = bias_add;
}

}  // namespace iba::imported::onnx
