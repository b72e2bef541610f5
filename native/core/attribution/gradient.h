#pragma once

#include "attribution/method.h"

namespace iba {

/// The derivative of the target's logit with respect to each pixel, as a signed map, as its absolute value
/// (saliency), or times the pixel.
MethodEntry gradient_method();
MethodEntry saliency_method();
MethodEntry gradient_times_input_method();

}  // namespace iba
