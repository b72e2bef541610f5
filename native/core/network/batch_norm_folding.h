#pragma once

#include "network/network.h"

namespace iba {

/// The same network with every batch norm that alone follows a convolution or linear layer folded into it, in
/// double precision; an identity takes its step. One in bfloat16 becomes one in float. Others, such as those
/// of a DenseNet, stay. Logits move by rounding only, but signs of activations near zero may turn, so this is
/// for methods that need it.
Network fold_batch_norms(const Network& network);

}  // namespace iba
