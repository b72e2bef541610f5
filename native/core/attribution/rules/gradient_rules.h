#pragma once

#include "attribution/method.h"
#include "network/network.h"
#include "network/rule.h"

namespace iba {

/// Rules for the ReLUs of a network, and how many of its activation functions they leave to the derivative.
struct ReluRules {
  StepRules rules;
  size_t without_rule = 0;
};

/// Guided backpropagation (Springenberg et al. 2015): through a ReLU only positive gradients pass, and only
/// where it passes its input on. A ReLU with an upper bound, such as ReLU6, lets none pass where it is
/// reached. Throws MODEL for a network without ReLUs, naming what it has instead.
ReluRules guided_backprop_rules(const Network& network);

/// DeconvNet (Zeiler and Fergus 2014): through a ReLU only positive gradients pass, whatever its input, but
/// for an upper bound that is reached. Throws as above.
ReluRules deconvnet_rules(const Network& network);

/// Adds the check `activationsWithoutRule` to an attribution by such rules, where there are any.
void add_check(size_t without_rule, Attribution& attribution);

}  // namespace iba
