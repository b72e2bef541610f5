#pragma once

#include "torch.h"

namespace iba {

/// A picture (H, W, 3), bytes of sRGB, as CIELAB (3, H, W) for the white D65, in double precision: lightness
/// from 0 to 100, and the two axes of colour.
at::Tensor lab_of(const at::Tensor& picture);

}  // namespace iba
