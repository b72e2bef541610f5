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

at::Tensor capacity_derivative(const at::Tensor& normalised, const Mask& mask) {
  return (normalised * normalised).mul_(mask.keep).sub_(mask.drop).add_(at::reciprocal(mask.drop));
}

}  // namespace iba
