#pragma once

#include "bottleneck/adam.h"
#include "bottleneck/loss.h"

namespace iba {

/// Finds the masks of some images that make their losses small, with one pass of the network for each step.
class MaskSolver {
 public:
  virtual ~MaskSolver() = default;

  /// λ of each image, (B, h, w, C).
  virtual const Mask& mask() const = 0;

  /// Which images' masks the next step moves (B), bool; undefined where it is always all of them.
  virtual const Tensor& moving() const = 0;

  /// Moves the masks, by what a differentiable pass with them computed.
  virtual void step(const BottleneckLoss& loss, BottleneckLoss::Terms terms) = 0;
};

/// Descends along the gradient with respect to α by Adam, from masks that let (almost) everything pass
/// (Schulz et al. 2020, section 3.2).
class AdamSolver : public MaskSolver {
 public:
  /// From α (B, h, w, C), or (B, h, w, 1) where the channels of a place share it. `beta` is the price of
  /// information, β of the loss. The layer must outlive this.
  AdamSolver(const NoisedLayer& layer, Tensor alpha, double beta, double learning_rate);

  const Tensor& alpha() const { return alpha_; }

  const Mask& mask() const override { return mask_; }
  const Tensor& moving() const override { return all_; }
  void step(const BottleneckLoss& loss, BottleneckLoss::Terms terms) override;

 private:
  const NoisedLayer& layer_;
  double beta_;
  Tensor alpha_;
  Adam adam_;
  Mask mask_;
  Tensor all_;
};

/// Where the proximal solver begins: with half of everything.
inline constexpr double kProximalAlpha = 0;

/// Solves for the mask itself. Of the loss only the cross-entropy needs the network; the information is a sum
/// over the neurons that is strictly convex in each. A step averages the cross-entropy's gradient over the
/// passes so far, ḡ ← (1 − ρ)ḡ + ρg with ρ = max(t^−0.7, 0.1), finds for every neuron the mask that is best
/// for this gradient, and goes ρ of the way there.
///
/// With λ = K ∗ ν the information of a neuron depends on its neighbours' ν. As it is convex, it is at most
/// its mean over them with the weights of K, which is what is made small: for each ν alone again, with K's
/// adjoint of the gradient and of r'². Without smoothing this is the loss itself.
///
/// The loss of a pass is averaged with the same ρ. Where the average is no longer below that of `kPatience`
/// steps before by the tolerance, as a share of it, an image's mask stays as it is from then on.
class ProximalSolver : public MaskSolver {
 public:
  static constexpr size_t kPatience = 5;

  /// From ν = sigmoid(α), α (B, h, w, C); `loss` is that of the images. With a tolerance of 0 masks move in
  /// every step.
  ProximalSolver(const NoisedLayer& layer, const BottleneckLoss& loss, const Tensor& alpha, double beta,
                 double tolerance = 0);

  const Mask& mask() const override { return mask_; }
  const Tensor& moving() const override { return moving_; }
  void step(const BottleneckLoss& loss, BottleneckLoss::Terms terms) override;

 private:
  Tensor follow(const BottleneckLoss::Terms& terms, double share);

  const NoisedLayer& layer_;
  double beta_;
  double tolerance_;
  double neurons_by_beta_;
  Tensor weight_;   // how often K counts each neuron, its adjoint of 1
  Tensor squares_;  // K's adjoint of r'², by that weight
  Tensor gradient_;
  Mask unsmoothed_;
  Mask mask_;
  Tensor moving_;
  std::vector<Tensor> losses_;  // the average after each step (B), double
  int64_t steps_ = 0;
};

/// 1 − ν that makes slope·ν + ½[(νr)² + (1−ν)² − 1] − ln(1−ν) smallest for ν from 0 to 1: 1 where the slope
/// isn't negative, and otherwise the positive root d of (1 + r²)d² − (slope + r²)d − 1.
Tensor best_drop(const Tensor& slope, const Tensor& squares);

}  // namespace iba
