#include "network/batch_norm_folding.h"

#include "network/graph.h"
#include "network/precision.h"

namespace iba {

namespace {

/// Scales the outputs of a weighted sum and shifts them.
Weights folded(const Weights& weights, const BatchNorm& norm) {
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

Network fold_batch_norms(const Network& network) {
  const auto precision = precision_of(network);
  Network result = precision == at::kBFloat16 ? in_precision(network, at::kFloat) : network;
  Graph graph(network);
  for (auto& step : result.steps) {
    const auto* norm = std::get_if<BatchNorm>(&step.operation);
    if (!norm) continue;
    auto maker = graph.maker(step.inputs[0]);
    if (!maker || graph.readers(step.inputs[0]).size() != 1) continue;
    Operation& before = result.steps[*maker].operation;
    auto weights = weights_of(before);
    if (!weights) continue;
    before = with_weights(before, folded(*weights, *norm));
    step.operation = Identity{};
  }
  return result;
}

}  // namespace iba
