#pragma once

#include <string>
#include <vector>

#include "torch.h"

namespace iba {

/// What an image, or a part of it, is replaced by to take its information away. All of the paper's code, as
/// one family.
enum class Baseline {
  mean,
  zero,
  uniform,
  minimum,
  maximum,
  blur,
  tile_mean,
  shuffled_pixels,
  shuffled_tiles
};

/// The names users choose by: "mean", "zero", "uniform", "minimum", "maximum", "blur", "tile-mean",
/// "shuffled-pixels", "shuffled-tiles".
const std::vector<std::string>& baseline_names();

/// Throws INVALID_ARGUMENT for an unknown name.
Baseline baseline_named(const std::string& name);

struct BaselineOptions {
  /// Side of the tiles of `tile_mean` and `shuffled_tiles`, in pixels. Tiles at the border may be smaller.
  int64_t tile = 8;
  /// Deviation of the Gaussian of `blur`, in pixels.
  double sigma = 10;
  /// Of `uniform`, `shuffled_pixels` and `shuffled_tiles`.
  uint64_t seed = 0;
};

/// The image (C, H, W) that stands for the absence of this one. `mean` is the mean of each channel, `minimum`
/// and `maximum` likewise; `uniform` draws each value between the channel's minimum and maximum; pixels and
/// tiles are shuffled with their channels together (tiles only among those of full size).
at::Tensor make_baseline(Baseline baseline, const at::Tensor& image, const BaselineOptions& options = {});

/// Throws INVALID_ARGUMENT where the images of a set (N, C, H, W) have another shape than the explained one
/// (C, H, W), which they are to be baselines of.
void require_baselines_of(const at::Tensor& set, at::IntArrayRef image);

}  // namespace iba
