#pragma once

#include <vector>

#include "torch.h"

namespace iba {

/// Adds maps of other sizes to `sum`, each enlarged to its size (bilinear with aligned corners), and cuts the
/// sums off at 0. All are pixels (B, h, w, C). On the CPU it is one pass over `sum`, which is overwritten.
void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps);

/// The gradient with respect to a map of that size for the gradient with respect to the sum.
at::Tensor resize_backward(const at::Tensor& gradient, int64_t height, int64_t width);

}  // namespace iba
