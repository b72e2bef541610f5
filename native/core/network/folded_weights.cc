#include "network/folded_weights.h"

#include "network/graph.h"

namespace iba {

std::map<size_t, size_t> norms_behind_sums(const Network& network) {
  std::map<size_t, size_t> found;
  const Graph graph(network);
  for (size_t i = 0; i < network.steps.size(); ++i) {
    if (!std::holds_alternative<BatchNorm>(network.steps[i].operation)) continue;
    const ValueId normalised = network.steps[i].inputs[0];
    const auto maker = graph.maker(normalised);
    if (!maker || graph.readers(normalised).size() != 1) continue;
    if (weights_of(network.steps[*maker].operation)) found[*maker] = i;
  }
  return found;
}

Weights folded_weights(const Weights& weights, const BatchNorm& norm) {
  auto exact = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
  Tensor scale = exact(norm.weight) / (exact(norm.running_var) + norm.epsilon).sqrt();
  Tensor bias = weights.bias.defined() ? exact(weights.bias) : at::zeros_like(scale);
  bias = (bias - exact(norm.running_mean)) * scale + exact(norm.bias);
  at::DimVector per_output(weights.weight.dim(), 1);
  per_output[0] = scale.numel();
  return {(exact(weights.weight) * scale.view(per_output)).to(weights.weight.options()),
          bias.to(norm.bias.options())};
}

}  // namespace iba
