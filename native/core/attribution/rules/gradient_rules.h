#pragma once

#include "attribution/method.h"
#include "network/network.h"
#include "network/rule.h"

namespace iba {

/// Rules for the ReLUs of a network and for what stands in their place.
struct ReluRules {
  StepRules rules;
  /// How many of the activation functions are no ReLUs, but go by the rules as if they were.
  size_t like_relu = 0;
  /// How many, such as tanh, are left to the derivative.
  size_t without_rule = 0;
};

/// Guided backpropagation (Springenberg et al. 2015): through a ReLU only positive gradients pass, and only
/// where it passes its input on. A ReLU with an upper bound, such as ReLU6, lets none pass where it is
/// reached. Activation functions in place of ReLUs, such as GELU, let the derivative of a positive gradient
/// pass where their output is positive. Throws MODEL for a network without any, naming what it has instead.
ReluRules guided_backprop_rules(const Network& network);

/// DeconvNet (Zeiler and Fergus 2014): through a ReLU, or what is in its place, only positive gradients pass,
/// whatever its input, but for an upper bound that is reached. Throws as above.
ReluRules deconvnet_rules(const Network& network);

/// Adds the checks `activationsLikeRelu` and `activationsWithoutRule` to an attribution by such rules, where
/// there are any.
void add_checks(const ReluRules& rules, Attribution& attribution);

}  // namespace iba
