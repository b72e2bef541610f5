#pragma once

#include "torch.h"

namespace iba {

/// How well a map lies on an object.
struct Localisation {
  int64_t pixels = 0;  // of the mask
  double score = 0;    // share of the map's highest `pixels` pixels that lie in the mask
  double mass = 0;     // share of the map's sum, values below 0 counted as 0
};

/// Compares a map (H, W) with a mask (H, W) of 0 and 1 (Schulz et al. 2020, section 4.3). Of equal values the
/// first counts as higher. Throws INVALID_ARGUMENT where the mask is empty.
Localisation localise(const at::Tensor& map, const at::Tensor& mask);

/// The pointing game (Zhang et al. 2016, section 4.1): whether the highest pixel of the map is in the mask,
/// or no further than `tolerance` pixels from it.
bool points_at(const at::Tensor& map, const at::Tensor& mask, double tolerance);

}  // namespace iba
