#pragma once

#include "torch.h"

namespace iba {

/// Pearson's correlation of two tensors of as many elements; 0 where one of them is constant.
double pearson(const at::Tensor& a, const at::Tensor& b);

/// Spearman's rank correlation; equal values share the mean of their ranks.
double spearman(const at::Tensor& a, const at::Tensor& b);

/// The mean structural similarity (Wang et al. 2004) of two images (H, W) whose values span `range`: square
/// windows of that odd size, evenly weighted, sample covariance, K₁ = 0.01, K₂ = 0.03, only windows that lie
/// inside. Throws INVALID_ARGUMENT where the window is even or larger than the image.
double ssim(const at::Tensor& a, const at::Tensor& b, int64_t window, double range);

/// How alike two maps are.
struct Similarity {
  double ssim;
  double spearman;
};

/// The similarity that the sanity check of Adebayo et al. 2018 compares: both maps clipped at the percentiles
/// 0.5 and 99.5 and scaled to [0, 1], window 5, the better of the map and the map with its sign turned.
Similarity map_similarity(const at::Tensor& original, const at::Tensor& map);

}  // namespace iba
