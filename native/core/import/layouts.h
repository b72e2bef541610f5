#pragma once

#include "network/network.h"

namespace iba {

/// Finds how the values of each layer lie over the image: from the steps that lead to it where these tell,
/// and else by a test. Parts of `image` (1, C, h, w) are changed, one at a time, and the values at a part's
/// place must be those that change the most. A layer that passes in no order has the layout `none`.
void find_layouts(Network& network, const Tensor& image);

}  // namespace iba
