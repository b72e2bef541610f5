#pragma once

#include <cstdint>

#include "torch.h"

namespace iba {

struct SuperpixelOptions {
  int64_t count = 100;      // that are asked for; there will be about so many
  double compactness = 10;  // how much the distance between pixels counts against that of their colours
  int64_t iterations = 10;
};

/// SLIC (Achanta et al. 2012): parts of an image (H, W, 3), bytes of sRGB, that hang together and are of
/// about one colour, by k-means of CIELAB colours and places. Parts smaller than a quarter of the expected
/// size join a neighbour. Gives the number of each pixel's part, (H, W), from 0 on, as floats. Throws
/// INVALID_ARGUMENT where there are fewer pixels than superpixels.
at::Tensor superpixels(const at::Tensor& image, const SuperpixelOptions& options);

}  // namespace iba
