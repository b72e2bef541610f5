#pragma once

#include "attribution/method.h"

namespace iba {

/// Guided backpropagation and DeconvNet: gradients with another rule for ReLUs.
MethodEntry guided_backprop_method();
MethodEntry deconvnet_method();

}  // namespace iba
