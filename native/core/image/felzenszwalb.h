#pragma once

#include <vector>

#include "torch.h"

namespace iba {

struct FelzenszwalbOptions {
  /// Higher makes larger segments. The image is segmented at each.
  std::vector<double> scales;
  /// Deviation of the Gaussian that the image is smoothed by first, in pixels.
  double sigma;
  /// Segments of fewer pixels are joined with a neighbour.
  int64_t smallest;
};

/// The segments of an image (C, H, W) on the CPU by Felzenszwalb and Huttenlocher 2004: pixels are joined by
/// the least differences first, as long as those are small beside the differences within. Gives for each
/// scale the number of each pixel's segment (H, W), whole numbers from 0 without gaps. As scikit-image's,
/// whose scale counts for values from 0 to 1.
std::vector<at::Tensor> felzenszwalb(const at::Tensor& image, const FelzenszwalbOptions& options);

}  // namespace iba
