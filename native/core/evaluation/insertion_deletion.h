#pragma once

#include <vector>

#include "evaluation/row_runner.h"
#include "target/target.h"

namespace iba {

/// The probability of a class as the pixels of an image come or go, most relevant ones first, and the areas
/// under both curves.
struct InsertionDeletion {
  int64_t target = 0;          // the class, or -1
  std::vector<double> shares;  // of the pixels that are changed at each point
  std::vector<double> insertion;
  std::vector<double> deletion;
  double insertion_area = 0;
  double deletion_area = 0;
};

/// What becomes of the part of a Gaussian that its kernel is too small for: it is cut off, or folded back at
/// the kernel's edges, as RISE's code makes its kernel (`gaussian_filter` of a single point with the mode
/// "reflect"). Either way the kernel's sum is 1.
enum class BlurTails { cut, folded };

/// What a blur reads beyond the border of an image: 0, or the image mirrored at its outermost pixels.
enum class BlurBorder { zero, mirror };

/// A square Gaussian kernel.
struct Blur {
  int64_t size = 11;  // in pixels, odd
  double deviation = 5;
  BlurTails tails = BlurTails::folded;
  BlurBorder border = BlurBorder::zero;
};

/// The kernel along one side, double. Throws INVALID_ARGUMENT where its size is even.
Tensor blur_kernel(const Blur& blur);

/// An image (C, H, W) under the kernel. Throws INVALID_ARGUMENT where the kernel is even, or reaches so far
/// that a mirrored image doesn't fill it.
Tensor blurred(const Tensor& image, const Blur& blur);

/// How an image's pixels come and go.
struct PixelSteps {
  int64_t step = 224;           // pixels that are changed from one point to the next
  Blur blur = {};               // of the image that pixels are inserted into
  std::vector<double> deleted;  // what the channels of a deleted pixel are
};

/// How many of so many pixels are changed at each point: 0, step, 2·step, …, and all of them.
std::vector<int64_t> pixel_counts(int64_t pixels, int64_t step);

/// Insertion and deletion (Petsiuk, Das, Saenko 2018, RISE, section 4.1) of the pixels of an image (C, H, W).
/// Throws INVALID_ARGUMENT as `blurred`, and where there isn't one deleted value for each channel.
InsertionDeletion insert_and_delete(const Network& network, const Tensor& image, const Tensor& map,
                                    const Target& target, const PixelSteps& steps, RowSettings settings);

}  // namespace iba
