#pragma once

#include <string>
#include <vector>

#include "network/network.h"

namespace iba {

/// The layers for bottlenecks at several depths: from the paper's place on, those that are named alike but
/// for one number, of its kind, such as `layer2`, `layer3`, `layer4`; of blocks that begin with a layer norm,
/// that norm.
std::vector<std::string> block_layers(const Network& network);

/// What a block reads: the one value of the network from outside that its module computes with. Throws MODEL
/// where the layer is no module that reads just one.
ValueId block_input(const Network& network, const std::string& block);

}  // namespace iba
