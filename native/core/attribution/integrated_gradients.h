#pragma once

#include "attribution/method.h"

namespace iba {

/// Integrated gradients (Sundararajan et al. 2017): the gradient, averaged along the way from a baseline to
/// the image.
MethodEntry integrated_gradients_method();

}  // namespace iba
