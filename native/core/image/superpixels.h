#pragma once

#include "torch.h"

namespace iba {

struct SuperpixelOptions {
  /// About how many.
  int64_t count;
  /// How much a distance of a superpixel's width counts beside one of colour: higher makes them squarer.
  double compactness;
};

/// The superpixels of an image (C, H, W) on the CPU by SLIC (Achanta et al. 2012) in its own colours, whose
/// range is scaled to 1: connected parts of similar colour and size. Gives the number of each pixel's part
/// (H, W), whole numbers from 0 without gaps.
at::Tensor slic(const at::Tensor& image, const SuperpixelOptions& options);

/// The same of a picture (H, W, 3), bytes of sRGB, in CIELAB, whose lightness goes from 0 to 100. Throws
/// INVALID_ARGUMENT where there are fewer pixels than superpixels.
at::Tensor superpixels(const at::Tensor& picture, const SuperpixelOptions& options);

/// The means of an image (C, H, W) over parts that are numbered as above, at each pixel.
at::Tensor part_means(const at::Tensor& image, const at::Tensor& parts);

}  // namespace iba
