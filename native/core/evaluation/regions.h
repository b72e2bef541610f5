#pragma once

#include <vector>

#include "evaluation/degradation.h"
#include "image/baseline.h"

namespace iba {

/// The probability of a class as an image's regions are replaced, one after another.
struct RegionCurves {
  int64_t target = 0;          // the class, or -1
  int64_t regions = 0;         // of the image
  std::vector<double> shares;  // of the regions that are replaced at each point
  ClassCurves probability;     // the second only where it was asked for
};

/// How regions are replaced.
struct RegionReplacement {
  Baseline baseline = Baseline::mean;
  BaselineOptions options = {};
  int64_t most = 0;        // regions that are replaced at most
  bool both_ends = false;  // those of the lowest mean first as well
};

/// Replaces regions of an image (C, H, W) in the order of a map's (H, W) mean in each. `labels` (H, W) say
/// which region a pixel belongs to. A target that names no class means the predicted one.
RegionCurves replace_regions(const Network& network, const Tensor& image, const Tensor& map,
                             const Tensor& labels, const Target& target, const RegionReplacement& replacement,
                             RowSettings settings);

}  // namespace iba
