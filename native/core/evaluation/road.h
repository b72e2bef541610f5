#pragma once

#include <vector>

#include "evaluation/degradation.h"

namespace iba {

/// What becomes of a prediction as an image's pixels are imputed.
struct Road {
  int64_t target = 0;       // the class, or -1
  double clean = 0;         // the target's probability for the image as it is
  ClassCurves probability;  // of the target, for each share
  ClassCurves kept;         // 1 where the target is the predicted class, else 0; empty where it is no class
};

/// Which pixels are imputed, and the noise on them.
struct RoadSettings {
  std::vector<double> shares;  // of the pixels, above 0 and below 1
  double noise = 0.01;         // its deviation
  uint64_t seed = 0;
};

/// ROAD (Rong et al. 2022): of an image (C, H, W) a share of the pixels, the highest of a map (H, W) and then
/// the lowest, is imputed from the others, with normal noise. A target that names no class means the
/// predicted one.
Road remove_and_debias(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                       const RoadSettings& removal, RowSettings settings);

}  // namespace iba
