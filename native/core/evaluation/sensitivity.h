#pragma once

#include "evaluation/row_runner.h"
#include "target/target.h"

namespace iba {

/// Masks (count, tiles) of 0 and 1 with `chosen` ones each, drawn evenly. The same seed gives the same masks.
Tensor random_masks(int64_t tiles, int64_t chosen, int64_t count, uint64_t seed);

/// How much of a map (H, W) lies in each of the masks (M, tiles) of tiles of that side: (masks), double.
Tensor relevance_in_masks(const Tensor& map, const Tensor& masks, int64_t tile);

/// For each mask, how much the target's score falls where the masked pixels are set to 0, and how much of the
/// map lies in the mask.
struct MaskedDrops {
  int64_t target = 0;  // the class, or -1
  Tensor drop;         // (masks), double
  Tensor relevance;    // (masks), double
};

/// The inner loop of sensitivity-n (Ancona et al. 2018, section 3.3) for one image (C, H, W), its map (H, W)
/// and masks (M, tiles) of tiles of that side.
MaskedDrops masked_drops(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                         const Tensor& masks, int64_t tile, RowSettings settings);

/// How far a map explains what happens as the image changes.
struct Infidelity {
  int64_t target = 0;  // the class, or -1
  double value = 0;    // with the map as it is
  double scaled = 0;   // with the map times the factor that makes it least
};

/// Normal noise images. `shared`: one draw for all channels of a pixel, otherwise one for each.
struct InfidelityNoise {
  double deviation = 0;
  int64_t samples = 0;
  bool shared = true;
  uint64_t seed = 0;
};

/// Infidelity (Yeh et al. 2019, definition 2.1): the mean of (I·map − (f(x) − f(x − I)))² over perturbations
/// I; f is the target's score. Each channel of a pixel counts an equal part of the map's value there.
Infidelity infidelity(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                      const InfidelityNoise& noise, RowSettings settings);

/// Images (count, C, H, W) that differ from one by noise that is even within ±radius.
Tensor neighbours(const Tensor& image, double radius, int64_t count, uint64_t seed);

}  // namespace iba
