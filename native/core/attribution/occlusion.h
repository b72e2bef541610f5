#pragma once

#include "attribution/method.h"

namespace iba {

/// Occlusion (Zeiler and Fergus 2014): how much the logit drops where a patch of the image is replaced; with
/// any patch, and as the paper has it.
MethodEntry occlusion_method();
MethodEntry occlusion_8_method();
MethodEntry occlusion_14_method();

}  // namespace iba
