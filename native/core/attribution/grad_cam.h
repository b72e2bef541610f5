#pragma once

#include "attribution/method.h"

namespace iba {

/// Grad-CAM (Selvaraju et al. 2017), and its product with guided backpropagation.
MethodEntry grad_cam_method();
MethodEntry guided_grad_cam_method();

}  // namespace iba
