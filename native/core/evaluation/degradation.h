#pragma once

#include <vector>

#include "evaluation/row_runner.h"
#include "target/target.h"

namespace iba {

/// The probability of a class along a degradation.
struct ClassCurves {
  std::vector<double> most_relevant_first;
  std::vector<double> least_relevant_first;
};

/// What becomes of a prediction as the image is degraded.
struct Degradation {
  int64_t target = 0;          // the class, or -1
  int64_t top1 = 0;            // the class predicted for the image as it is
  std::vector<double> shares;  // of the image that are degraded at each point
  ClassCurves of_target;
  ClassCurves of_top1;
};

/// How many of so many tiles are degraded at each point of a curve: none; then, for each of so many evenly
/// spaced numbers s from 0 to `tiles` that is below `tiles`, s + 1; then all of them.
std::vector<int64_t> degradation_counts(int64_t tiles, int64_t points);

/// Degrades an image (C, H, W) tile by tile to the mean of each channel, in the order of a map (H, W), from
/// both ends (Ancona et al. 2018; Schulz et al. 2020, section 4.2). A target that names no class means the
/// predicted one. The last point of each curve is the fully degraded image.
Degradation degrade(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                    int64_t tile, int64_t points, RowSettings settings);

}  // namespace iba
