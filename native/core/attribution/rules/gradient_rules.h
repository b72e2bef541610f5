#pragma once

#include "attribution/rules/rule_table.h"

namespace iba {

/// Guided backpropagation (Springenberg et al. 2015): through a ReLU only positive gradients pass, and only
/// where its output is positive.
RuleTable guided_backprop_rules();

/// DeconvNet (Zeiler and Fergus 2014): through a ReLU only positive gradients pass, whatever its output.
RuleTable deconvnet_rules();

}  // namespace iba
