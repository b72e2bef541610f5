#pragma once

#include "network/network.h"

namespace iba {

/// Leaves as layers only values that have a row of numbers for each image. `two` and `three` are images.
void keep_batched_layers(Network& network, const Tensor& two, const Tensor& three);

/// Chooses where the bottleneck goes and where Grad-CAM reads, of the layers whose layout is known. Throws
/// MODEL where there is none.
void choose_default_layers(Network& network, const Tensor& image);

}  // namespace iba
