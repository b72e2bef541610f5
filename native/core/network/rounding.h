#pragma once

#include "torch.h"

namespace iba {

/// Weights (outputs, …) of a weighted sum in bfloat16. Each becomes one of its two neighbours, mostly the
/// nearest, so that the weights of an output keep their sum, and those of each kernel (height, width) in a
/// convolution. What they multiply mostly lies behind a ReLU, so its mean isn't 0, and neighbouring places
/// are much alike: with both the sum of the roundings would move the output, which weighs more than all else
/// that they do.
at::Tensor rounded_with_sums(const at::Tensor& weights);

}  // namespace iba
