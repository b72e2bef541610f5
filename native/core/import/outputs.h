#pragma once

#include <optional>

#include "network/network.h"

namespace iba {

/// Makes a network of which the outputs for `images` are `outputs` (N, outputs) give logits, unless it is
/// said to give values or an embedding: where it ends with a softmax, a logarithm of one or a sigmoid, that
/// is left out; where the outputs are probabilities that were made in another way, their logarithm is taken.
/// `Network::notes` then says so. Several outputs with a sigmoid each are labels that may hold together,
/// unless another kind is given.
void take_logits(Network& network, std::optional<OutputKind> kind, const Tensor& images,
                 const Tensor& outputs);

}  // namespace iba
