#include "network/grid.h"

#include <cmath>

#include "error.h"
#include "io/text.h"

namespace iba {

namespace {

/// Height and width of so many places, of which a row has `proportion` times as few as a column.
std::optional<std::array<int64_t, 2>> sides(int64_t places, double proportion) {
  auto height = std::lround(std::sqrt(static_cast<double>(places) * proportion));
  if (height < 1 || places % height != 0) return std::nullopt;
  int64_t width = places / height;
  double error = static_cast<double>(height) - static_cast<double>(width) * proportion;
  // Half a patch at each border may be missing or added.
  if (std::abs(error) >= 1 && height > 1 && width > 1) return std::nullopt;
  return std::array<int64_t, 2>{height, width};
}

std::optional<Grid> token_grid(const Layout& layout, int64_t tokens, std::array<int64_t, 2> image_size) {
  int64_t places = tokens - layout.prefix - layout.suffix;
  if (places < 1) return std::nullopt;
  double proportion = static_cast<double>(image_size[0]) / static_cast<double>(image_size[1]);
  auto found = sides(places, proportion * layout.proportion);
  if (!found) return std::nullopt;
  return Grid{Grid::Form::tokens, layout.prefix, (*found)[0], (*found)[1], layout.suffix};
}

}  // namespace

Tensor Grid::to_pixels(const Tensor& activation) const {
  switch (form) {
    case Form::image:
      return activation.permute({0, 2, 3, 1}).contiguous();
    case Form::channels_last:
      return activation.contiguous();
    case Form::tokens:
      if (!is_all_places()) return activation.unsqueeze(1).contiguous();
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
  if (is_all_places()) return pixels;
  return pixels.slice(2, prefix, prefix + height * width)
      .reshape({pixels.size(0), height, width, pixels.size(3)});
}

Tensor Grid::to_image(const Tensor& activation) const {
  if (form == Form::image) return activation;
  return places(to_pixels(activation)).permute({0, 3, 1, 2});
}

std::optional<Grid> grid_of(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size) {
  if (shape.size() == 1) return Grid{};
  switch (layer.layout.form) {
    case Layout::Form::image:
      if (shape.size() == 3) return Grid{Grid::Form::image, 0, shape[1], shape[2]};
      break;
    case Layout::Form::channels_last:
      if (shape.size() == 3) return Grid{Grid::Form::channels_last, 0, shape[0], shape[1]};
      break;
    case Layout::Form::tokens:
      if (shape.size() == 2) return token_grid(layer.layout, shape[0], image_size);
      break;
    case Layout::Form::none:
      break;
  }
  return std::nullopt;
}

Grid require_grid(const Layer& layer, at::IntArrayRef shape, std::array<int64_t, 2> image_size) {
  if (auto grid = grid_of(layer, shape, image_size)) return *grid;
  throw Error(
      ErrorCode::model,
      "The values of '" + layer.name + "', " + io::shape_text(shape) +
          " for an image, lie in no order of the image's places: when a part of an image was changed, "
          "the values at that part's place were not those that changed. A map of them would be wrong. "
          "Choose a layer with a height and a width, such as what a block returns.");
}

}  // namespace iba
