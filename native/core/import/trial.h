#pragma once

#include <optional>

#include "torch.h"

namespace iba::imported {

/// What a program is tried on: images, or texts of token ids.
struct Trial {
  int64_t channels;
  int64_t height;
  int64_t width;
  bool may_be_larger = true;
  /// How many token ids there are; absent for images.
  std::optional<int64_t> tokens = {};

  at::Tensor inputs(int64_t rows) const;

  /// Of another size: of images one that is a whole number of strides larger in most models, and of another
  /// shape as well, so that height and width can be told apart. Of texts a shorter one, for which every table
  /// of positions is long enough.
  at::Tensor inputs_of_another_size(int64_t rows) const;
};

}  // namespace iba::imported
