#include "bottleneck/mask_solver.h"

#include <algorithm>
#include <cmath>

namespace iba {

namespace {

/// The share of a step: 1 at first, and then less, so that the noise of single passes averages out.
constexpr double kDecay = 0.7;
constexpr double kSmallestShare = 0.1;
/// Where information costs (nearly) nothing, a mask of 1 would let an infinite amount of it pass.
constexpr double kSmallestDrop = 1e-6;
constexpr double kSmallestBeta = 1e-20;
/// K counts a neuron nowhere where all that it reaches are inactive. No gradient arrives there either.
constexpr double kSmallestWeight = 1e-6;

Mask with_drop(Tensor drop) {
  return {1 - drop, drop};
}

}  // namespace

AdamSolver::AdamSolver(const NoisedLayer& layer, Tensor alpha, double beta, double learning_rate)
    : layer_(layer),
      beta_(beta),
      alpha_(std::move(alpha)),
      adam_(alpha_, learning_rate),
      mask_(layer.mask(alpha_)) {}

void AdamSolver::step(const BottleneckLoss& loss, BottleneckLoss::Terms terms) {
  adam_.step(layer_.mask_backward(alpha_, loss.backward(std::move(terms), beta_)));
  mask_ = layer_.mask(alpha_);
}

ProximalSolver::ProximalSolver(const NoisedLayer& layer, const BottleneckLoss& loss, const Tensor& alpha,
                               double beta, double tolerance)
    : layer_(layer),
      beta_(beta),
      tolerance_(tolerance),
      weight_(layer.smoothing_backward(at::ones_like(alpha)).clamp_min_(kSmallestWeight)),
      squares_(layer.smoothing_backward(loss.normalised().square()) / weight_),
      unsmoothed_(with_drop(at::sigmoid(-alpha))),
      mask_(layer.smoothed(unsmoothed_)) {
  neurons_by_beta_ = static_cast<double>(weight_[0].numel()) / std::max(beta, kSmallestBeta);
}

void ProximalSolver::step(const BottleneckLoss& loss, BottleneckLoss::Terms terms) {
  ++steps_;
  const double share = std::max(std::pow(static_cast<double>(steps_), -kDecay), kSmallestShare);
  Tensor still = tolerance_ > 0 ? follow(terms, share) : Tensor();
  Tensor gradient = layer_.smoothing_backward(loss.backward(std::move(terms), 0));
  gradient_ = gradient_.defined() ? gradient_.lerp_(gradient, share) : gradient;
  Tensor best = best_drop(gradient_ * neurons_by_beta_ / weight_, squares_).clamp_min_(kSmallestDrop);
  Tensor drop = unsmoothed_.drop.lerp(best, share);
  if (moving_.defined()) drop = at::where(moving_.view({-1, 1, 1, 1}), drop, unsmoothed_.drop);
  unsmoothed_ = with_drop(std::move(drop));
  mask_ = layer_.smoothed(unsmoothed_);
  moving_ = std::move(still);
}

/// Which images' masks move in the next step as well.
Tensor ProximalSolver::follow(const BottleneckLoss::Terms& terms, double share) {
  Tensor loss = terms.fit + beta_ * terms.information;
  losses_.push_back(losses_.empty() ? loss : losses_.back().lerp(loss, share));
  Tensor falls = at::ones_like(loss, at::kBool);
  if (losses_.size() > kPatience) {
    const Tensor& before = losses_[losses_.size() - 1 - kPatience];
    falls = before - losses_.back() > tolerance_ * before.abs();
  }
  return moving_.defined() ? moving_.logical_and(falls) : falls;
}

Tensor best_drop(const Tensor& slope, const Tensor& squares) {
  Tensor linear = slope + squares, quadratic = squares + 1;
  Tensor root = (linear.square() + 4 * quadratic).sqrt();
  // Of the two forms of the root the one that doesn't subtract.
  Tensor drop = at::where(linear < 0, 2 / (root - linear), (linear + root) / (2 * quadratic));
  return at::where(slope < 0, drop, 1);
}

}  // namespace iba
