#pragma once

#include "attribution/method.h"

namespace iba {

/// SmoothGrad (Smilkov et al. 2017): the gradient, averaged over noised copies of the image.
MethodEntry smoothgrad_method();

}  // namespace iba
