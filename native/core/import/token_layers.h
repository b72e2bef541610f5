#pragma once

#include "network/network.h"

namespace iba {

/// Finds which layers of a network of token ids have a row of values for each token, by a test: where one
/// token is changed, its row must be among those that change the most. All others have the layout `none`.
/// `ids` is (1, 1, 1, T).
void find_token_layers(Network& network, const Tensor& ids);

/// Chooses where the bottleneck goes, of the layers whose layout is known: what five sixths of the blocks
/// give, the tenth of twelve (Wang et al. 2023). Throws MODEL where there is none.
void choose_default_token_layers(Network& network);

}  // namespace iba
