#include "import/image_values.h"

#include <algorithm>
#include <set>

namespace iba {

namespace {

bool keeps_places(const Operator& op) {
  static const std::set<std::string> kKinds = {
      "add",  "sub",       "mul",         "div",  "clamp",   "hardtanh",   "relu6",           "leaky-relu",
      "elu",  "celu",      "selu",        "gelu", "silu",    "mish",       "hardswish",       "tanh",
      "erf",  "sigmoid",   "hardsigmoid", "abs",  "dropout", "batch-norm", "constant-pad-nd", "softplus",
      "sqrt", "clamp-min", "clamp-max",   "pow",  "exp",     "neg"};
  return kKinds.contains(op.kind());
}

bool keeps_places(const Concatenate& joining) {
  return joining.dimension == 1;
}

bool keeps_places(const Linear&) {
  return false;
}

bool keeps_places(const Flatten&) {
  return false;
}

/// Windows, and what is done to each element.
template <typename Other>
bool keeps_places(const Other&) {
  return true;
}

}  // namespace

std::vector<bool> find_image_values(const Network& network) {
  std::vector<bool> is_image(network.value_count);
  is_image[network.input] = true;
  for (const auto& step : network.steps) {
    bool keeps = std::visit([](const auto& operation) { return keeps_places(operation); }, step.operation);
    is_image[step.output] =
        keeps && !step.inputs.empty() &&
        std::all_of(step.inputs.begin(), step.inputs.end(), [&](ValueId input) { return is_image[input]; });
  }
  return is_image;
}

}  // namespace iba
