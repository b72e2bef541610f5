#pragma once

#include <vector>

#include "evaluation/row_runner.h"

namespace iba {

/// The probability of a class as the pixels of an image come or go, most relevant ones first, and the areas
/// under both curves.
struct InsertionDeletion {
  int64_t target = 0;
  std::vector<double> shares;  // of the pixels that are changed at each point
  std::vector<double> insertion;
  std::vector<double> deletion;
  double insertion_area = 0;
  double deletion_area = 0;
};

/// How many of so many pixels are changed at each point: 0, step, 2·step, …, and all of them.
std::vector<int64_t> pixel_counts(int64_t pixels, int64_t step);

/// Insertion and deletion (Petsiuk, Das, Saenko 2018, RISE, section 4.1): pixels of the image (C, H, W) are
/// deleted to 0, or inserted into a blurred image (Gaussian of 11×11, σ = 5, zero beyond the border).
InsertionDeletion insert_and_delete(const Network& network, const Tensor& image, const Tensor& map,
                                    int64_t target, int64_t step, RowSettings settings);

}  // namespace iba
