#pragma once

#include <array>
#include <optional>

#include "network/network.h"

namespace iba {

/// Where the pixels of an activation lie: images (N, C, h, w), images with the channels last (N, h, w, C),
/// tokens (N, T, C), of which some in front, such as the class token, belong to no place, and vectors (N, C),
/// which are a single pixel.
class Grid {
 public:
  enum class Form { image, channels_last, tokens, vector };

  Form form = Form::vector;
  int64_t prefix = 0;  // tokens in front that belong to no place
  int64_t height = 1;
  int64_t width = 1;

  /// The activation as (N, height, width, C). Where there is a prefix, which has no place in a grid, as
  /// (N, 1, prefix + height·width, C). Copies nothing where the memory allows it.
  Tensor to_pixels(const Tensor& activation) const;

  /// The other way round.
  Tensor from_pixels(const Tensor& pixels) const;

  /// The grid alone, without the prefix: (N, height, width, C) of what `to_pixels` gives.
  Tensor places(const Tensor& pixels) const;

  /// The activation as an image (N, C, height, width), without the prefix.
  Tensor to_image(const Tensor& activation) const;
};

/// How an activation of this shape (without the batch dimension) lies, for images of a size. Absent where it
/// is nothing that can be read as a grid or a vector.
std::optional<Grid> grid_of(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size);

/// As above; throws MODEL, naming the layer, where there is none.
Grid require_grid(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size);

}  // namespace iba
