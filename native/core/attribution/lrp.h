#pragma once

#include "attribution/method.h"

namespace iba {

/// Layer-wise relevance propagation (Bach et al. 2015), with the rule of the paper's code and with the
/// composites of Montavon et al. 2019.
MethodEntry lrp_method();

}  // namespace iba
