#include "bottleneck/information.h"

namespace iba {

Mask smoothed(const Mask& mask, const Smoothing& smoothing) {
  return {smoothing.apply(mask.keep), smoothing.apply(mask.drop)};
}

Mask mask_of(const at::Tensor& alpha, const Smoothing& smoothing) {
  return smoothed({at::sigmoid(alpha), at::sigmoid(-alpha)}, smoothing);
}

at::Tensor mask_backward(const at::Tensor& alpha, const Smoothing& smoothing,
                         const at::Tensor& keep_gradient) {
  return smoothing.adjoint(keep_gradient).mul_(at::sigmoid(alpha)).mul_(at::sigmoid(-alpha));
}

at::Tensor capacity(const at::Tensor& normalised, const Mask& mask) {
  at::Tensor signal = mask.keep * normalised;
  return signal.mul_(signal).addcmul_(mask.drop, mask.drop).sub_(1).mul_(0.5).sub_(at::log(mask.drop));
}

namespace {

/// 1 − λM without cancellation, and (1−λ)² + (λ(1−M)r')².
struct Beyond {
  at::Tensor prior_drop;
  at::Tensor spread;

  Beyond(const at::Tensor& normalised, const Mask& mask, const at::Tensor& passing)
      : prior_drop(mask.drop + mask.keep * (1 - passing)),
        spread(mask.drop.square() + (mask.keep * (1 - passing) * normalised).square()) {}
};

}  // namespace

at::Tensor capacity_beyond(const at::Tensor& normalised, const Mask& mask, const at::Tensor& passing) {
  Beyond beyond(normalised, mask, passing);
  return at::log(beyond.prior_drop) - at::log(mask.drop) +
         beyond.spread / beyond.prior_drop.square().mul_(2) - 0.5;
}

at::Tensor capacity_beyond_derivative(const at::Tensor& normalised, const Mask& mask,
                                      const at::Tensor& passing) {
  Beyond beyond(normalised, mask, passing);
  at::Tensor by_spread = mask.keep * ((1 - passing) * normalised).square() - mask.drop;
  return at::reciprocal(mask.drop) - passing / beyond.prior_drop + by_spread / beyond.prior_drop.square() +
         passing * beyond.spread / beyond.prior_drop.pow(3);
}

at::Tensor capacity_derivative(const at::Tensor& normalised, const Mask& mask) {
  return (normalised * normalised).mul_(mask.keep).sub_(mask.drop).add_(at::reciprocal(mask.drop));
}

}  // namespace iba
