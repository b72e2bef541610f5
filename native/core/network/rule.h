#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "network/operation.h"

namespace iba {

/// How a gradient, or what a method sends back in place of one, goes back through one step.
struct Rule {
  using Backward =
      std::function<std::vector<Tensor>(const Operation&, const StepState&, const Tensor& from_above)>;

  /// Gives one tensor for each input of the step, from what arrived for its output.
  Backward backward;
  /// Whether it reads the step's inputs, which the forward pass then keeps.
  bool reads_inputs = false;
};

/// For each step of a network the rule that it follows; null, or no entry, where it follows the derivative.
using StepRules = std::vector<std::shared_ptr<const Rule>>;

}  // namespace iba
