#include "network/grid.h"

#include <cmath>

#include "error.h"
#include "io/text.h"

namespace iba {

namespace {

/// Class, distillation and register tokens: models have up to 1 + 8 of them.
constexpr int64_t kMostPrefixTokens = 9;

/// Height and width of so many places, in the proportion of the image.
std::optional<std::array<int64_t, 2>> sides(int64_t places, std::array<int64_t, 2> image_size) {
  double proportion = static_cast<double>(image_size[0]) / static_cast<double>(image_size[1]);
  auto height = std::lround(std::sqrt(static_cast<double>(places) * proportion));
  if (height < 1 || places % height != 0) return std::nullopt;
  int64_t width = places / height;
  double error = static_cast<double>(height) - static_cast<double>(width) * proportion;
  // Half a patch at each border may be missing or added.
  if (std::abs(error) >= 1 && height > 1 && width > 1) return std::nullopt;
  return std::array<int64_t, 2>{height, width};
}

std::optional<Grid> token_grid(int64_t tokens, std::array<int64_t, 2> image_size) {
  for (int64_t prefix = 0; prefix <= kMostPrefixTokens && prefix < tokens; ++prefix) {
    auto found = sides(tokens - prefix, image_size);
    if (found) return Grid{Grid::Form::tokens, prefix, (*found)[0], (*found)[1]};
  }
  return std::nullopt;
}

}  // namespace

Tensor Grid::to_pixels(const Tensor& activation) const {
  switch (form) {
    case Form::image:
      return activation.permute({0, 2, 3, 1}).contiguous();
    case Form::channels_last:
      return activation.contiguous();
    case Form::tokens:
      if (prefix > 0) return activation.unsqueeze(1).contiguous();
      return activation.contiguous().view({activation.size(0), height, width, activation.size(2)});
    case Form::vector:
      return activation.contiguous().unsqueeze(1).unsqueeze(1);
  }
  return activation;
}

Tensor Grid::from_pixels(const Tensor& pixels) const {
  switch (form) {
    case Form::image:
      return pixels.permute({0, 3, 1, 2});
    case Form::channels_last:
      return pixels;
    case Form::tokens:
      return pixels.flatten(1, 2);
    case Form::vector:
      return pixels.squeeze(2).squeeze(1);
  }
  return pixels;
}

Tensor Grid::places(const Tensor& pixels) const {
  if (prefix == 0) return pixels;
  return pixels.slice(2, prefix).reshape({pixels.size(0), height, width, pixels.size(3)});
}

Tensor Grid::to_image(const Tensor& activation) const {
  if (form == Form::image) return activation;
  return places(to_pixels(activation)).permute({0, 3, 1, 2});
}

std::optional<Grid> grid_of(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size) {
  if (shape.size() == 1) return Grid{};
  if (shape.size() == 2) return token_grid(shape[0], image_size);
  if (shape.size() != 3) return std::nullopt;
  if (layer.channels_last) return Grid{Grid::Form::channels_last, 0, shape[0], shape[1]};
  return Grid{Grid::Form::image, 0, shape[1], shape[2]};
}

Grid require_grid(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size) {
  if (auto grid = grid_of(layer, shape, image_size)) return *grid;
  throw Error(ErrorCode::model,
              "The activation of '" + layer.name + "' has the shape " + io::shape_text(shape) +
                  " for an image, which is no image, no vector, and no row of tokens that fill a grid. "
                  "Choose another layer.");
}

}  // namespace iba
