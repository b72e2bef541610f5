#pragma once

#include <vector>

#include "bottleneck/noised_layer.h"
#include "network/cut.h"

namespace iba {

/// The loss of an information bottleneck (Schulz et al. 2020, section 3), for images whose activations R at a
/// layer are known. Each image has a mask λ and is noised in S copies:
///
///   L_I  = mean over the neurons of KL[P(Z|R) ‖ Q(Z)]
///   Z    = λR + (1 − λ)ε,  ε ~ N(μ, σ²)
///   L_CE = mean over the copies of −ln p(target | Z)
///   L    = L_CE + β·L_I
///
/// in nats, for each image by itself. As L_I is a mean over the k neurons, β here is k times that of the
/// paper.
class BottleneckLoss {
 public:
  /// `cut` is at the layer, `activation` is R as the network gives it (B, ...), and `skipping` are the values
  /// that skip the cut, a row for each image. The network computes in its own precision, the rest in float.
  /// The cut and the layer must outlive this. Used by one thread at a time.
  BottleneckLoss(const Cut& cut, const NoisedLayer& layer, const Tensor& activation, Values skipping);

  /// What a pass computes. Tensors at the layer are pixels (B, h, w, C).
  struct Terms {
    Mask mask;             // λ
    Tensor capacity;       // KL[P(Z|R) ‖ Q(Z)]
    Tensor information;    // L_I (B), double
    Tensor noise;          // (ε − μ)/σ (B, S, h, w, C)
    Tensor noised;         // Z (B, S, h, w, C)
    Tensor logits;         // (B·S, classes)
    Tensor targets;        // (B·S, 1)
    Tensor cross_entropy;  // L_CE (B), double
    Interpreter::Tape tape;
  };

  /// All terms, for standard normal noise and a target for each image. Only a pass that is `differentiable`
  /// keeps what the way back needs of the network.
  Terms forward(const Mask& mask, const Tensor& noise, const std::vector<int64_t>& targets,
                bool differentiable) const;

  /// The terms up to L_I, which need no noise.
  Terms information(const Mask& mask) const;

  /// Adds Z and the logits, for which there need be no targets.
  void add_logits(Terms& terms, const Tensor& noise, bool differentiable = false) const;

  /// ∂L/∂λ (B, h, w, C) of each image.
  Tensor backward(Terms terms, double beta) const;

  /// r' = (R − μ)/σ (B, h, w, C).
  const Tensor& normalised() const { return normalised_; }

 private:
  const Values& skipping_for(int64_t copies) const;

  const Cut& cut_;
  const NoisedLayer& layer_;
  Tensor centred_;     // R − μ
  Tensor normalised_;  // (R − μ)/σ
  Values skipping_;
  // Repeated for the copies of the last pass: the next one mostly has as many.
  mutable int64_t repeated_copies_ = 1;
  mutable Values repeated_;
};

}  // namespace iba
