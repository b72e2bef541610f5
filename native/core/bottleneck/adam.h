#pragma once

#include "torch.h"

namespace iba {

/// Adam (Kingma and Ba, 2014) on one tensor, with PyTorch's defaults: β₁ 0.9, β₂ 0.999, ε 1e-8.
class Adam {
 public:
  Adam(at::Tensor parameter, double learning_rate);

  /// Moves the parameter, in place.
  void step(const at::Tensor& gradient);

  /// What it remembers, to go on from later.
  int64_t steps() const { return steps_; }
  const at::Tensor& first_moment() const { return first_moment_; }
  const at::Tensor& second_moment() const { return second_moment_; }
  void restore(int64_t steps, const at::Tensor& first_moment, const at::Tensor& second_moment);

 private:
  at::Tensor parameter_;
  double learning_rate_;
  int64_t steps_ = 0;
  at::Tensor first_moment_;
  at::Tensor second_moment_;
};

}  // namespace iba
