#pragma once

#include "network/network.h"

namespace iba {

/// What white is in the images of a network that normalises them itself, 1 or 255 with black at 0: its first
/// steps subtract a mean and divide by a deviation for each channel, of which those that photographs have in
/// one of the two ranges are known. Absent where it doesn't. `image` is (1, C, h, w).
std::optional<int64_t> find_own_normalisation(const Network& network, const Tensor& image);

}  // namespace iba
