#include "network/precision.h"

#include <algorithm>

#include "network/folded_weights.h"
#include "network/fused_convolution.h"
#include "network/graph.h"
#include "network/rounding.h"

namespace iba {

namespace {

bool holds_values(const Tensor& tensor) {
  return tensor.is_floating_point() && tensor.dim() > 0;
}

/// What a parameter of a step in bfloat16 is converted to: of a convolution only what is multiplied is
/// rounded, not what is added.
at::ScalarType rounded_type(const Operation& operation, const Tensor& parameter) {
  const bool is_bias = std::holds_alternative<Convolution>(operation) && parameter.dim() == 1;
  return is_bias || std::holds_alternative<BatchNorm>(operation) ? at::kFloat : at::kBFloat16;
}

bool is_weight(const Operation& operation, const Tensor& parameter) {
  const auto weights = weights_of(operation);
  return weights && weights->weight.is_same(parameter);
}

/// A network's tensors in other types. Those that steps share are converted once, and go on being shared.
class Conversion {
 public:
  explicit Conversion(const Network& network) : known_(network.roundings) {}

  /// A parameter of an operation in such a type.
  Tensor convert(const Operation& operation, const Tensor& parameter, at::ScalarType type) {
    Tensor& copy = converted_[{parameter.unsafeGetTensorImpl(), type}];
    if (!copy.defined())
      copy = type == at::kBFloat16 ? rounded(operation, parameter) : exact(parameter).to(type);
    return copy;
  }

  /// What it was before it was rounded.
  Tensor exact(const Tensor& parameter) const {
    const auto found = known_.find(parameter.unsafeGetTensorImpl());
    return found == known_.end() ? parameter : found->second.exact();
  }

  /// Of all that were rounded.
  std::map<const void*, Rounded> take_roundings() { return std::move(roundings_); }

 private:
  Tensor rounded(const Operation& operation, const Tensor& parameter) {
    if (parameter.scalar_type() == at::kBFloat16) {
      const auto found = known_.find(parameter.unsafeGetTensorImpl());
      if (found != known_.end()) roundings_.insert(*found);
      return parameter;
    }
    const Tensor result =
        is_weight(operation, parameter) ? rounded_with_sums(parameter) : parameter.to(at::kBFloat16);
    roundings_[result.unsafeGetTensorImpl()] = Rounded::of(parameter, result);
    return result;
  }

  const std::map<const void*, Rounded>& known_;
  std::map<const void*, Rounded> roundings_;
  std::map<std::pair<const void*, at::ScalarType>, Tensor> converted_;
};

bool is_added(const Network& network, const Graph& graph, ValueId value) {
  const auto& readers = graph.readers(value);
  return std::any_of(readers.begin(), readers.end(), [&](size_t reader) {
    return std::holds_alternative<Add>(network.steps[reader].operation);
  });
}

/// Convolutions up to the last weighted sum that take their batch norms along, in such a type. Where a
/// shortcut is added next, the batch norm does so on the CPU in its own pass over memory: oneDNN adds only
/// with a rounded bias, and this one must not be.
std::map<size_t, Weights> folded_with_norms(const Network& network, const Conversion& conversion,
                                            at::ScalarType type, size_t last_sum) {
  std::map<size_t, Weights> found;
  const bool adds_apart = network.device().is_cpu();
  const Graph graph(network);
  for (const auto& [sum, norm] : norms_behind_sums(network)) {
    const auto* convolution = std::get_if<Convolution>(&network.steps[sum].operation);
    if (sum >= last_sum || !convolution) continue;
    if (adds_apart && is_added(network, graph, network.steps[norm].output)) continue;
    const auto folded = folded_weights({conversion.exact(convolution->weight), convolution->bias},
                                       std::get<BatchNorm>(network.steps[norm].operation));
    const bool rounds = type == at::kBFloat16;
    found[sum] = {rounds ? rounded_with_sums(folded.weight) : folded.weight.to(type),
                  folded.bias.to(rounds ? at::kFloat : type)};
  }
  return found;
}

/// The last weighted sum's step; 0 where there is none.
size_t last_sum_of(const Network& network) {
  for (size_t i = network.steps.size(); i-- > 0;) {
    if (weights_of(network.steps[i].operation)) return i;
  }
  return 0;
}

}  // namespace

Precision::Precision(const Network& network) : type_(at::kFloat), last_sum_(last_sum_of(network)) {
  for (size_t i = 0; i <= last_sum_ && i < network.steps.size(); ++i) {
    auto weights = weights_of(network.steps[i].operation);
    if (!weights) continue;
    type_ = weights->weight.scalar_type();
    return;
  }
}

Tensor Precision::for_step(size_t step, const Tensor& value) const {
  if (type_ != at::kBFloat16 || !holds_values(value)) return value;
  return value.to(rounds(step) ? type_ : at::kFloat);
}

at::ScalarType precision_of(const Network& network) {
  return Precision(network).type();
}

Network in_precision(Network network, at::ScalarType type) {
  const size_t last_sum = last_sum_of(network);
  const bool rounds = type == at::kBFloat16;
  const bool fuses = !network.device().is_cpu() || (rounds && fuses_convolutions());
  Conversion conversion(network);
  network.with_norms =
      fuses ? folded_with_norms(network, conversion, type, last_sum) : std::map<size_t, Weights>{};
  for (size_t i = 0; i < network.steps.size(); ++i) {
    auto& operation = network.steps[i].operation;
    visit_parameters(operation, [&](const char*, Tensor& tensor) {
      if (!tensor.is_floating_point()) return;
      const auto wanted = !rounds ? type : i >= last_sum ? at::kFloat : rounded_type(operation, tensor);
      tensor = conversion.convert(operation, tensor, wanted);
    });
  }
  network.roundings = conversion.take_roundings();
  return network;
}

Network in_float(const Network& network) {
  return precision_of(network) == at::kBFloat16 ? in_precision(network, at::kFloat) : network;
}

Tensor at_least_float(const Tensor& value) {
  return value.scalar_type() == at::kBFloat16 ? value.to(at::kFloat) : value;
}

}  // namespace iba
