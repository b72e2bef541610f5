#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "image/resample.h"
#include "torch.h"

namespace iba {

enum class ChannelOrder { rgb, bgr };
inline constexpr std::array<std::string_view, 2> kChannelOrderNames{"rgb", "bgr"};

/// How a picture becomes a network's input. The defaults are torchvision's for ImageNet.
struct PreprocessOptions {
  /// Height and width that the resized picture just covers, so that of a square it is the shorter side; or
  /// those that it gets, if `squash`.
  std::array<int64_t, 2> resize = {256, 256};
  /// Height and width of what the network sees.
  std::array<int64_t, 2> crop = {224, 224};
  /// Crop `resize` pixels first and resize them to `crop`, as the IBA package's loader does.
  bool crop_first = false;
  /// Resize to `resize` whatever the picture's proportion.
  bool squash = false;
  Interpolation interpolation = Interpolation::bilinear;
  /// Resize this part to `crop`, instead of all above.
  std::optional<Region> region;
  /// Exchange left and right.
  bool mirror = false;
  /// The order of the input's channels. Mean and std are in the same.
  ChannelOrder channel_order = ChannelOrder::rgb;
  std::vector<double> mean = {0.485, 0.456, 0.406};
  std::vector<double> std = {0.229, 0.224, 0.225};
};

/// A picture as the network sees it, and the same region as RGB bytes to draw on.
struct PreprocessedImage {
  at::Tensor input;   // (C, H, W) float32, normalised
  at::Tensor pixels;  // (H, W, 3) uint8
};

/// Resizes in proportion until `resize` is covered (antialiased, as Pillow), crops the centre,
/// scales to [0, 1] and normalises. `pixels` is (H, W, 3) uint8; a single mean makes a grey input (ITU-R 601
/// luma). Throws IMAGE where the picture is too small to crop, or where a region isn't inside.
PreprocessedImage preprocess(const at::Tensor& pixels, const PreprocessOptions& options);

/// Bytes (N, 3, H, W) as a network's input: scaled to [0, 1], grey if there is a single mean, else in that
/// order of the channels, normalised.
at::Tensor normalise(const at::Tensor& images, const std::vector<double>& mean,
                     const std::vector<double>& std, ChannelOrder order = ChannelOrder::rgb);

}  // namespace iba
