#pragma once

#include <cstdint>

#include "torch.h"

namespace iba {

/// An image divided into squares, numbered row by row. What is left over at the right and at the bottom
/// belongs to the last tiles there.
class Tiles {
 public:
  /// Throws INVALID_ARGUMENT where not even one tile fits.
  Tiles(int64_t height, int64_t width, int64_t side);

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t count() const { return rows_ * columns_; }

  /// The tile of each pixel, (H, W).
  const at::Tensor& of_pixels() const { return of_pixels_; }

  /// A value of each tile (..., tiles) as an image (..., H, W).
  at::Tensor spread(const at::Tensor& values) const;

  /// The mean of a map (H, W) in each tile, in double precision.
  at::Tensor means(const at::Tensor& map) const;

 private:
  int64_t rows_;
  int64_t columns_;
  at::Tensor of_pixels_;
};

/// The place of each value in the order from the highest to the lowest, or the other way round. Of equal
/// values the first comes first.
at::Tensor ranks(const at::Tensor& values, bool highest_first);

}  // namespace iba
