#pragma once

#include "torch.h"

namespace iba {

/// The probabilities of classes for their logits (N, classes): their softmax, or, of a single class, the
/// sigmoid, since a softmax over one is always 1.
at::Tensor probabilities(const at::Tensor& logits);

/// The logarithms of these. In both cases ∂(−log p[target])/∂logits is p − 1[target].
at::Tensor log_probabilities(const at::Tensor& logits);

/// The most probable class of each image, (N, 1); −1 where there is a single class that isn't likely.
at::Tensor most_probable(const at::Tensor& logits);

}  // namespace iba
