#pragma once

#include "image/interpolation.h"
#include "torch.h"

namespace iba {

/// A part of a picture, in pixels.
struct Region {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};

/// A part of a picture (H, W, C) uint8 that is resized to a height and width: antialiased, to the bit as
/// Pillow's resize followed by crop where both sides change by one factor, else to one level, but only the
/// part is computed. The part must lie inside.
at::Tensor resample(const at::Tensor& picture, int64_t height, int64_t width, const Region& part,
                    Interpolation interpolation);

}  // namespace iba
