#include "import/onnx/activations.h"
#include "import/onnx/norms.h"
#include "import/onnx/operators.h"

namespace iba::imported::onnx {

namespace {

Item with_bias(Call& call, size_t bias) {
  Item input = call.tensor(0);
  return call.has(bias) ? call.aten("add", {input, call.tensor(bias)}, "Tensor") : input;
}

std::vector<Item> bias_gelu(Call& call) {
  return {call.aten("gelu", {with_bias(call, 1), make_item("none")})};
}

std::vector<Item> fast_gelu(Call& call) {
  return {call.aten("gelu", {with_bias(call, 1), make_item("tanh")})};
}

std::vector<Item> quick_gelu(Call& call) {
  return {swish_of(call, call.tensor(0), call.real("alpha", 1.702))};
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
  table["com.microsoft.BiasGelu"] = bias_gelu;
  table["com.microsoft.FastGelu"] = fast_gelu;
  table["com.microsoft.QuickGelu"] = quick_gelu;
  table["com.microsoft.SkipLayerNormalization"] = skip_layer_norm;
  table["com.microsoft.SkipSimplifiedLayerNormalization"] = skip_rms_norm;
  table["com.microsoft.BiasAdd"] = bias_add;
}

}  // namespace iba::imported::onnx
