#pragma once

#include "torch.h"

namespace iba {

/// Weights (outputs, …) of a weighted sum in bfloat16. Each becomes one of its two neighbours, mostly the
/// nearest, so that the weights of an output keep their sum, and those of each kernel (height, width) in a
/// convolution. What they multiply mostly lies behind a ReLU, so its mean isn't 0, and neighbouring places
/// are much alike: with both the sum of the roundings would move the output, which weighs more than all else
/// that they do.
at::Tensor rounded_with_sums(const at::Tensor& weights);

/// A tensor in bfloat16, and what rounding took from it: a byte for each number, in parts of the step to the
/// number's neighbour. Both together tell it to 2^-15 of it.
struct Rounded {
  at::Tensor tensor;
  at::Tensor errors;  // on the CPU

  /// Of what was rounded to a neighbour.
  static Rounded of(const at::Tensor& exact, const at::Tensor& rounded);

  /// What was rounded, as float; in the layout and on the device of the rounded tensor.
  at::Tensor exact() const;
};

}  // namespace iba
