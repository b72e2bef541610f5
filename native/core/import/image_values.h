#pragma once

#include "network/network.h"

namespace iba {

/// For each value of a network whether it lies as the image does, (N, C, h, w), however small it is: only
/// steps that keep the order of places lead to it, such as convolutions, pools and activation functions.
std::vector<bool> find_image_values(const Network& network);

}  // namespace iba
