#pragma once

#include "attribution/method.h"

namespace iba {

/// PatternNet and PatternAttribution (Kindermans et al. 2018): gradients with the weights replaced by
/// patterns.
MethodEntry pattern_net_method();
MethodEntry pattern_attribution_method();

}  // namespace iba
