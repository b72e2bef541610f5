#pragma once

#include <string>
#include <vector>

#include "network/network.h"

namespace iba {

/// Where a readout bottleneck goes, and which layers its network reads.
struct ReadoutPlace {
  std::string layer;
  std::vector<std::string> reads;
};

/// The paper's place in ResNets, and in VGGs, whatever their depth. Throws MODEL for other networks, which
/// have no published one.
ReadoutPlace default_readout_place(const Network& network);

}  // namespace iba
