#include "network/precision.h"

namespace iba {

namespace {

bool holds_values(const Tensor& tensor) {
  return tensor.is_floating_point() && tensor.dim() > 0;
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
  return value.to(step < last_sum_ ? type_ : at::kFloat);
}

at::ScalarType precision_of(const Network& network) {
  return Precision(network).type();
}

Network in_precision(Network network, at::ScalarType type) {
  const size_t last_sum = last_sum_of(network);
  const at::ScalarType other = type == at::kBFloat16 ? at::kFloat : type;
  std::map<std::pair<const void*, at::ScalarType>, Tensor> converted;
  for (size_t i = 0; i < network.steps.size(); ++i) {
    auto& operation = network.steps[i].operation;
    const auto wanted = i >= last_sum || std::holds_alternative<BatchNorm>(operation) ? other : type;
    visit_parameters(operation, [&](const char*, Tensor& tensor) {
      if (!tensor.is_floating_point()) return;
      Tensor& copy = converted[{tensor.unsafeGetTensorImpl(), wanted}];
      if (!copy.defined()) copy = tensor.to(wanted);
      tensor = copy;
    });
  }
  return network;
}

Tensor at_least_float(const Tensor& value) {
  return value.scalar_type() == at::kBFloat16 ? value.to(at::kFloat) : value;
}

}  // namespace iba
