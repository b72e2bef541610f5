#pragma once

#include "torch.h"

namespace iba {

/// Adam (Kingma and Ba, 2014) on one tensor, with PyTorch's defaults: β₁ 0.9, β₂ 0.999, ε 1e-8.
class Adam {
 public:
  Adam(at::Tensor parameter, double learning_rate);

  /// Moves the parameter, in place.
  void step(const at::Tensor& gradient);

 private:
  at::Tensor parameter_;
  double learning_rate_;
  int64_t steps_ = 0;
  at::Tensor first_moment_;
  at::Tensor second_moment_;
};

}  // namespace iba
