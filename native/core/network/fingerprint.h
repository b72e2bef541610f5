#pragma once

#include <string>

#include "network/network.h"

namespace iba {

/// 16 hexadecimal digits that differ for networks of different weights: statistics remember it, so that they
/// are not used with another model. Not a cryptographic hash.
std::string weight_fingerprint(const Network& network);

}  // namespace iba
