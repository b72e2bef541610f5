#include "bottleneck/adam.h"

#include <cmath>

namespace iba {

namespace {
constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
}  // namespace

Adam::Adam(at::Tensor parameter, double learning_rate)
    : parameter_(std::move(parameter)),
      learning_rate_(learning_rate),
      first_moment_(at::zeros_like(parameter_)),
      second_moment_(at::zeros_like(parameter_)) {}

void Adam::step(const at::Tensor& gradient) {
  ++steps_;
  auto t = static_cast<double>(steps_);
  first_moment_.lerp_(gradient, 1 - kBeta1);
  second_moment_.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  double correction = std::sqrt(1 - std::pow(kBeta2, t));
  at::Tensor denominator = second_moment_.sqrt().div_(correction).add_(kEpsilon);
  parameter_.addcdiv_(first_moment_, denominator, -learning_rate_ / (1 - std::pow(kBeta1, t)));
}

void Adam::restore(int64_t steps, const at::Tensor& first_moment, const at::Tensor& second_moment) {
  steps_ = steps;
  first_moment_.copy_(first_moment);
  second_moment_.copy_(second_moment);
}

}  // namespace iba
