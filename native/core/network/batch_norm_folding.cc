#include "network/batch_norm_folding.h"

namespace iba {

namespace {

/// Scales the outputs of a convolution or linear layer and shifts them.
template <typename Op>
void fold(Op& op, const BatchNorm& norm) {
  auto exact = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
  Tensor scale = exact(norm.weight) / (exact(norm.running_var) + norm.epsilon).sqrt();
  Tensor bias = op.bias.defined() ? exact(op.bias) : at::zeros_like(scale);
  bias = (bias - exact(norm.running_mean)) * scale + exact(norm.bias);
  at::DimVector per_output(op.weight.dim(), 1);
  per_output[0] = scale.numel();
  op.weight = (exact(op.weight) * scale.view(per_output)).to(op.weight.options());
  op.bias = bias.to(op.weight.options());
}

bool fold_into(Operation& operation, const BatchNorm& norm) {
  if (auto* convolution = std::get_if<Convolution>(&operation)) return fold(*convolution, norm), true;
  if (auto* linear = std::get_if<Linear>(&operation)) return fold(*linear, norm), true;
  return false;
}

}  // namespace

Network fold_batch_norms(const Network& network) {
  Network folded = network;
  std::vector<size_t> readers(network.value_count, 0), makers(network.value_count, network.steps.size());
  for (size_t i = 0; i < network.steps.size(); ++i) {
    makers[network.steps[i].output] = i;
    for (ValueId input : network.steps[i].inputs) ++readers[input];
  }
  for (auto& step : folded.steps) {
    const auto* norm = std::get_if<BatchNorm>(&step.operation);
    if (!norm) continue;
    size_t maker = makers[step.inputs[0]];
    if (readers[step.inputs[0]] != 1 || maker == network.steps.size()) continue;
    if (fold_into(folded.steps[maker].operation, *norm)) step.operation = Identity{};
  }
  return folded;
}

}  // namespace iba
