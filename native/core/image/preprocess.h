#pragma once

#include <optional>
#include <vector>

#include "torch.h"

namespace iba {

/// A part of a picture, in pixels.
struct Region {
  int64_t left = 0;
  int64_t top = 0;
  int64_t width = 0;
  int64_t height = 0;
};

/// How a picture becomes a network's input. The defaults are torchvision's for ImageNet.
struct PreprocessOptions {
  int64_t resize = 256;
  int64_t crop = 224;
  /// Crop `resize` pixels first and resize them to `crop`, as the IBA package's loader does.
  bool crop_first = false;
  /// Resize this part to `crop`, instead of the two above.
  std::optional<Region> region;
  /// Exchange left and right.
  bool mirror = false;
  std::vector<double> mean = {0.485, 0.456, 0.406};
  std::vector<double> std = {0.229, 0.224, 0.225};
};

/// A picture as the network sees it, and the same region as RGB bytes to draw on.
struct PreprocessedImage {
  at::Tensor input;   // (C, H, W) float32, normalised
  at::Tensor pixels;  // (H, W, 3) uint8
};

/// Resizes the shorter side (antialiased bilinear, as Pillow), crops the centre, scales to [0, 1] and
/// normalises. `pixels` is (H, W, 3) uint8; a single mean makes a grey input (ITU-R 601 luma). Throws IMAGE
/// where the picture is too small to crop, or where a region isn't inside.
PreprocessedImage preprocess(const at::Tensor& pixels, const PreprocessOptions& options);

/// Bytes (N, 3, H, W) as a network's input: scaled to [0, 1], grey if there is a single mean, normalised.
at::Tensor normalise(const at::Tensor& images, const std::vector<double>& mean,
                     const std::vector<double>& std);

}  // namespace iba
