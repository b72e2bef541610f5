#pragma once

#include "torch.h"

namespace iba {

/// RMSprop (Tieleman and Hinton, 2012) on one tensor, with PyTorch's defaults: smoothing 0.99, ε 1e-8, no
/// momentum.
class RmsProp {
 public:
  RmsProp(at::Tensor parameter, double learning_rate);

  /// Moves the parameter, in place.
  void step(const at::Tensor& gradient);

 private:
  at::Tensor parameter_;
  double learning_rate_;
  at::Tensor mean_square_;
};

}  // namespace iba
