#pragma once

#include <vector>

#include "torch.h"

namespace iba {

/// An image that turns into another, pixel group by pixel group.
struct Replacement {
  at::Tensor from;   // (C, H, W)
  at::Tensor to;     // (C, H, W)
  at::Tensor ranks;  // (H, W): when a pixel's turn comes, on the images' device
  /// How many groups are replaced in each version.
  std::vector<int64_t> counts;

  /// Which share of so many groups is replaced in each version.
  std::vector<double> shares(int64_t groups) const;

  int64_t versions() const { return static_cast<int64_t>(counts.size()); }

  /// Some of the versions, (end − begin, C, H, W).
  at::Tensor images(int64_t begin, int64_t end) const;
};

/// The area under a curve that is linear between its points.
double area_under(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace iba
