#pragma once

#include <vector>

#include "torch.h"

namespace iba {

/// Adds maps of other sizes to `sum`, each enlarged to its size (bilinear with aligned corners), and cuts the
/// sums off at 0, in place. All are pixels (B, h, w, C).
void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps);

/// The same for one image's sum (h, w, C) and its part of the maps. All are contiguous on the CPU, and of one
/// type, float or bfloat16.
void add_resized_and_rectify(at::Tensor& sum, const std::vector<at::Tensor>& maps, int64_t image);

/// The gradient with respect to a map of that size for the gradient with respect to the sum.
at::Tensor resize_backward(const at::Tensor& gradient, int64_t height, int64_t width);

}  // namespace iba
