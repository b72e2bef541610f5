#pragma once

#include "torch.h"

namespace iba {

/// An image (C, H, W) on the CPU whose missing pixels, where `missing` (H, W) isn't 0, are what makes each of
/// them the weighted mean of its neighbours: 1/6 for the four beside it, 1/12 for those at its corners, of
/// those that lie in the image (Rong et al. 2022, ROAD, section 4.2, without its noise). Exact to about 1e-6
/// of the image's range. Throws INVALID_ARGUMENT where all pixels are missing.
at::Tensor impute(const at::Tensor& image, const at::Tensor& missing);

}  // namespace iba
