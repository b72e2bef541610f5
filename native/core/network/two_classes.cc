#include "network/two_classes.h"

namespace iba {

namespace {

/// The layer of weights that makes the logit, where nothing comes after it.
Linear* last_linear(Network& network) {
  if (network.steps.empty() || network.steps.back().output != network.output) return nullptr;
  auto* linear = std::get_if<Linear>(&network.steps.back().operation);
  return linear && linear->weight.dim() == 2 && linear->weight.size(0) == 1 ? linear : nullptr;
}

/// The rows of what speaks against and for, of the row that makes the logit.
Tensor against_and_for(const Tensor& row) {
  return row.defined() ? at::cat({row * -0.5, row * 0.5}) : row;
}

}  // namespace

void take_two_classes(Network& network) {
  if (network.classes != 1 || network.outputs != OutputKind::classes) return;
  network.classes = 2;
  network.is_binary = true;
  network.notes.emplace_back(
      "The model has a single logit z. It is explained as two classes, 0 (no) and 1 (yes), with the logits "
      "-z/2 and z/2: the probability of yes is sigmoid(z).");
  // In the layer itself, rules of propagation see what speaks for no as its positive contributions.
  if (Linear* linear = last_linear(network)) {
    *linear = {against_and_for(linear->weight), against_and_for(linear->bias)};
    return;
  }
  network.output =
      network.add("two_classes", Linear{against_and_for(at::ones({1, 1})), Tensor()}, {network.output});
}

}  // namespace iba
