#include "image/gaussian_matrix.h"

namespace iba {

at::Tensor gaussian_matrix(int64_t size, double deviation, int64_t reach) {
  if (deviation == 0) return at::eye(size, at::kDouble);
  at::Tensor taps =
      at::exp(at::arange(-reach, reach + 1, at::kDouble).square() / (-2 * deviation * deviation));
  taps = taps / taps.sum();
  at::Tensor places = at::arange(size);
  at::Tensor tap = places - places.unsqueeze(1) + reach;
  at::Tensor is_inside = (tap >= 0).logical_and(tap <= 2 * reach);
  return taps.take(tap.clamp(0, 2 * reach)) * is_inside;
}

}  // namespace iba
