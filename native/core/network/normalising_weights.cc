#include "network/normalising_weights.h"

#include "network/graph.h"

namespace iba {

namespace {

/// Scales the outputs of a weighted sum and shifts them.
Weights normalising(const Weights& weights, const BatchNorm& norm) {
  auto exact = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
  Tensor scale = exact(norm.weight) / (exact(norm.running_var) + norm.epsilon).sqrt();
  Tensor bias = weights.bias.defined() ? exact(weights.bias) : at::zeros_like(scale);
  bias = (bias - exact(norm.running_mean)) * scale + exact(norm.bias);
  at::DimVector per_output(weights.weight.dim(), 1);
  per_output[0] = scale.numel();
  auto options = weights.weight.options();
  return {(exact(weights.weight) * scale.view(per_output)).to(options), bias.to(options)};
}

}  // namespace

std::map<size_t, Weights> normalising_weights(const Network& network) {
  std::map<size_t, Weights> found;
  Graph graph(network);
  for (const auto& step : network.steps) {
    const auto* norm = std::get_if<BatchNorm>(&step.operation);
    if (!norm) continue;
    auto maker = graph.maker(step.inputs[0]);
    if (!maker || graph.readers(step.inputs[0]).size() != 1) continue;
    auto weights = weights_of(network.steps[*maker].operation);
    if (weights) found.emplace(*maker, normalising(*weights, *norm));
  }
  return found;
}

}  // namespace iba
