#include "bottleneck/rms_prop.h"

namespace iba {

namespace {
constexpr double kSmoothing = 0.99;
constexpr double kRootFloor = 1e-8;
}  // namespace

RmsProp::RmsProp(at::Tensor parameter, double learning_rate)
    : parameter_(std::move(parameter)),
      learning_rate_(learning_rate),
      mean_square_(at::zeros_like(parameter_)) {}

void RmsProp::step(const at::Tensor& gradient) {
  mean_square_.mul_(kSmoothing).addcmul_(gradient, gradient, 1 - kSmoothing);
  parameter_.addcdiv_(gradient, mean_square_.sqrt().add_(kRootFloor), -learning_rate_);
}

}  // namespace iba
