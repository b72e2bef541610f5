#pragma once

#include <array>
#include <optional>

#include "network/network.h"

namespace iba {

/// Where the pixels of an activation lie: images (N, C, h, w), images with the channels last (N, h, w, C),
/// tokens (N, T, C), of which some in front or behind, such as the class token, belong to no place, and
/// vectors (N, C), which are a single pixel.
class Grid {
 public:
  enum class Form { image, channels_last, tokens, vector };

  Form form = Form::vector;
  int64_t prefix = 0;  // tokens in front that belong to no place
  int64_t height = 1;
  int64_t width = 1;
  int64_t suffix = 0;  // tokens behind that belong to no place

  /// Whether all of the activation belongs to a place.
  bool is_all_places() const { return prefix == 0 && suffix == 0; }

  /// The activation as (N, height, width, C). Where some of it has no place in a grid, as (N, 1, tokens, C).
  /// Copies nothing where the memory allows it.
  Tensor to_pixels(const Tensor& activation) const;

  /// The other way round.
  Tensor from_pixels(const Tensor& pixels) const;

  /// The grid alone: (N, height, width, C) of what `to_pixels` gives.
  Tensor places(const Tensor& pixels) const;

  /// The grid alone as an image (N, C, height, width).
  Tensor to_image(const Tensor& activation) const;
};

/// How an activation of this shape (without the batch dimension) lies, for images of a size. Absent where it
/// is no vector, and its values have no places in the image.
std::optional<Grid> grid_of(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size);

/// As above; throws MODEL, naming the layer, where there is none.
Grid require_grid(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size);

}  // namespace iba
