#pragma once

#include "network/network.h"

namespace iba {

/// Makes a network of a single logit z, which says yes or no by its sigmoid, one of two classes: 0 (no) and
/// 1 (yes) with the logits −z/2 and z/2, whose softmax is (sigmoid(−z), sigmoid(z)). A note says so. A
/// network of several outputs, or of values, stays as it is.
void take_two_classes(Network& network);

}  // namespace iba
