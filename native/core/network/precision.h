#pragma once

#include "network/network.h"

namespace iba {

/// What the steps of a network compute in. A network in bfloat16 has its weighted sums in it, and what lies
/// between them; batch norms scale in float32, biases of convolutions are added in it, and so computes the
/// last weighted sum with what follows it: a logit of eight bits would hide what a part of the image changes
/// of it.
class Precision {
 public:
  explicit Precision(const Network& network);

  /// float, double or bfloat16: that of the first weighted sum.
  at::ScalarType type() const { return type_; }

  /// Whether a step reads values in bfloat16.
  bool rounds(size_t step) const { return type_ == at::kBFloat16 && step < last_sum_; }

  /// A value, as the step reads it; unchanged where the whole network is of one type.
  Tensor for_step(size_t step, const Tensor& value) const;

 private:
  at::ScalarType type_;
  size_t last_sum_;  // the last weighted sum's step
};

/// What its steps compute in: float, double or bfloat16.
at::ScalarType precision_of(const Network& network);

/// The same network, converted to compute in float, double or bfloat16 on its device: a network is moved
/// first. Steps that share a tensor go on sharing it.
Network in_precision(Network network, at::ScalarType type);

/// The network itself, or the one in float that one in bfloat16 was made of.
Network in_float(const Network& network);

/// A tensor as it leaves a network: bfloat16 as float.
Tensor at_least_float(const Tensor& value);

}  // namespace iba
