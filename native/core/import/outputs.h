#pragma once

#include "network/network.h"

namespace iba {

/// Makes a network of which the outputs for `images` are `outputs` (N, classes) give logits: where it ends
/// with a softmax, a logarithm of one or the sigmoid of one output, that is left out; where the outputs are
/// probabilities that were made in another way, their logarithm is taken. `Network::notes` then says so.
/// Throws MODEL where several outputs have a sigmoid each, as labels do that may hold together.
void take_logits(Network& network, const Tensor& images, const Tensor& outputs);

}  // namespace iba
