#include "attribution/patterns.h"

#include <algorithm>

#include "error.h"
#include "finite.h"
#include "io/text.h"
#include "network/graph.h"

namespace iba {

namespace {

/// Σ over the patches of x_patch · factor_patch, for each neuron, of the weights' shape: what the gradient
/// with respect to the weights is.
Tensor sum_over_patches(const Operation& operation, const Tensor& inputs, const Tensor& factors) {
  if (const auto* op = std::get_if<Convolution>(&operation)) {
    return std::get<1>(at::convolution_backward(factors, inputs, op->weight, c10::nullopt, op->stride,
                                                op->padding, op->dilation, false, {0, 0}, op->groups,
                                                {false, true, false}));
  }
  return at::matmul(factors.flatten(0, -2).t(), inputs.flatten(0, -2));
}

/// The sum for each neuron over everything else: of a convolution the neurons are the second dimension, of a
/// linear layer the last.
Tensor sum_per_neuron(const Operation& operation, const Tensor& outputs) {
  if (std::holds_alternative<Convolution>(operation)) {
    return outputs.sum({0, 2, 3}, false, at::kDouble).cpu();
  }
  return outputs.flatten(0, -2).sum(0, false, at::kDouble).cpu();
}

Tensor exact(const Tensor& tensor) {
  return tensor.to(at::kCPU, at::kDouble).contiguous();
}

Tensor per_neuron(const Tensor& values, const Tensor& weight) {
  at::DimVector shape(weight.dim(), 1);
  shape[0] = values.numel();
  return values.view(shape);
}

bool is_one_of(std::initializer_list<std::string_view> names, const Operation& operation) {
  return std::find(names.begin(), names.end(), kind(operation)) != names.end();
}

/// Activation functions that hold the negative values back, all or most of them.
bool rectifies(const Operation& operation) {
  return is_one_of({"relu", "hardtanh", "leaky-relu", "elu", "celu", "selu", "gelu", "silu", "mish",
                    "hardswish", "softplus"},
                   operation);
}

/// What leaves the sign of each value as it is.
bool passes_values(const Operation& operation) {
  return is_one_of({"identity", "dropout", "max-pool", "flatten"}, operation);
}

/// For each value whether all its readers rectify it, or hand it on to those that do.
std::vector<bool> rectified_values(const Network& network, const Graph& graph) {
  std::vector<bool> rectified(network.value_count, false);
  for (size_t i = network.steps.size(); i-- > 0;) {
    ValueId value = network.steps[i].output;
    const auto& readers = graph.readers(value);
    if (value == network.output || readers.empty()) continue;
    rectified[value] = std::all_of(readers.begin(), readers.end(), [&](size_t reader) {
      const Step& step = network.steps[reader];
      return rectifies(step.operation) || (passes_values(step.operation) && rectified[step.output]);
    });
  }
  return rectified;
}

}  // namespace

void LayerPatterns::update(const Operation& operation, Neurons neurons, const Tensor& inputs,
                           const Tensor& outputs) {
  Tensor active =
      neurons == Neurons::rectified ? outputs.gt(0).to(outputs.scalar_type()) : at::ones_like(outputs);
  LayerPatterns part;
  part.active_products_ = exact(sum_over_patches(operation, inputs, outputs * active));
  part.active_inputs_ = exact(sum_over_patches(operation, inputs, active));
  part.active_ = sum_per_neuron(operation, active);
  part.outputs_ = sum_per_neuron(operation, outputs);
  part.patches_ = static_cast<double>(outputs.numel() / part.outputs_.numel());
  merge(part);
}

void LayerPatterns::merge(const LayerPatterns& other) {
  if (other.patches_ == 0) return;
  if (patches_ == 0) {
    *this = other;
    return;
  }
  // Never in place: a copy of these patterns shares the tensors.
  active_products_ = active_products_ + other.active_products_;
  active_inputs_ = active_inputs_ + other.active_inputs_;
  active_ = active_ + other.active_;
  outputs_ = outputs_ + other.outputs_;
  patches_ += other.patches_;
}

Tensor LayerPatterns::pattern(const Tensor& weight) const {
  Tensor active = per_neuron(active_.clamp_min(1), weight);
  Tensor covariance =
      active_products_ / active - active_inputs_ / active * per_neuron(outputs_ / patches_, weight);
  Tensor along_weight = (exact(weight) * covariance).flatten(1).sum(1);
  Tensor divisor = along_weight.masked_fill(along_weight == 0, 1);
  return (covariance / per_neuron(divisor, weight)).to(weight.options());
}

const std::vector<std::string>& estimator_names() {
  static const std::vector<std::string> names = {"two-component", "linear"};
  return names;
}

Estimator estimator_named(const std::string& name) {
  for (Estimator estimator : {Estimator::two_component, Estimator::linear}) {
    if (name == name_of(estimator)) return estimator;
  }
  throw Error(ErrorCode::invalid_argument,
              "There is no estimator '" + name + "'. Choose one of: " + io::joined(estimator_names()) + ".");
}

const std::string& name_of(Estimator estimator) {
  return estimator_names()[static_cast<size_t>(estimator)];
}

ModelPatterns make_patterns(const Network& network, const std::string& weight_hash, Estimator estimator) {
  ModelPatterns patterns{network.architecture, weight_hash, estimator, 0, {}};
  for (const auto& step : network.steps) {
    if (weights_of(step.operation)) patterns.layers[step.name()];
  }
  return patterns;
}

void update_patterns(ModelPatterns& patterns, const Network& folded, const Tensor& images,
                     const std::vector<std::string>& names) {
  at::NoGradGuard no_grad;
  Graph graph(folded);
  auto rectified = rectified_values(folded, graph);
  std::vector<Tensor> values(folded.value_count);
  values[folded.input] = images;
  for (size_t i = 0; i < folded.steps.size(); ++i) {
    const Step& step = folded.steps[i];
    std::vector<Tensor> inputs;
    for (ValueId input : step.inputs) inputs.push_back(values[input]);
    values[step.output] = forward(step.operation, inputs, nullptr);
    if (weights_of(step.operation)) {
      require_finite_rows(values[step.output], names, "the output of '" + step.name() + "'");
      bool is_rectified = patterns.estimator == Estimator::two_component && rectified[step.output];
      Neurons neurons = is_rectified ? Neurons::rectified : Neurons::linear;
      patterns.layers.at(step.name()).update(step.operation, neurons, inputs[0], values[step.output]);
    }
    for (ValueId input : step.inputs) {
      if (graph.last_use(input) == i) values[input].reset();
    }
  }
  patterns.samples += images.size(0);
}

void merge_patterns(ModelPatterns& into, const ModelPatterns& from) {
  if (into.architecture != from.architecture || into.weight_hash != from.weight_hash) {
    throw Error(ErrorCode::patterns, "These patterns are of different models: " + into.architecture +
                                         " (weights " + into.weight_hash + ") and " + from.architecture +
                                         " (weights " + from.weight_hash + "). Merge patterns of one model.");
  }
  if (into.estimator != from.estimator) {
    throw Error(ErrorCode::patterns, "These patterns were fitted with the estimators '" +
                                         name_of(into.estimator) + "' and '" + name_of(from.estimator) +
                                         "'. Merge patterns of one estimator.");
  }
  for (auto& [name, layer] : into.layers) {
    auto other = from.layers.find(name);
    if (other == from.layers.end())
      throw Error(ErrorCode::patterns, "The second patterns lack the layer '" + name + "'.");
    layer.merge(other->second);
  }
  into.samples += from.samples;
}

}  // namespace iba
