#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "bottleneck/noised_layer.h"
#include "network/cut.h"
#include "target/objective.h"

namespace iba {

/// The loss of an information bottleneck (Schulz et al. 2020, section 3), for images whose activations R at a
/// layer are known. Each image has a mask λ and is noised in S copies:
///
///   L_I  = mean over the restricted neurons of KL[P(Z|R) ‖ Q(Z)]
///   Z    = λR + (1 − λ)ε,  ε ~ N(μ, σ²)
///   L_F  = mean over the copies of the target's loss for Z, such as −ln p(class | Z)
///   L    = L_F + β·L_I
///
/// in nats, for each image by itself. As L_I is a mean over the k neurons, β here is k times that of the
/// paper, whose L_F is the cross-entropy of a class.
class BottleneckLoss {
 public:
  /// How it differs from the paper's.
  struct Variant {
    /// Noise where the mask is open, Z = λε + (1 − λ)R, and −L_F in place of L_F: what must go for the
    /// prediction to fail (inverse IBA, Khakzar et al. 2021).
    bool is_inverse = false;
    /// The inverse loss doesn't fall any further where L_F of a copy is above this.
    std::optional<double> limit = {};
    /// M of each neuron (B, h, w, C): what passes anyway. The prior is R noised with the mask λM (InputIBA,
    /// Zhang et al. 2021).
    Tensor passing = {};
  };

  /// Another layer behind the cut that the same mask restricts: the mask of each place, resized where the
  /// layer has others (CoIBA, Hong et al. 2025). Its activation is that of the already restricted network,
  /// and only the layer at the cut counts for L_I, which by data processing bounds the information of those
  /// behind.
  struct Further {
    const NoisedLayer& layer;
    ValueId value;
  };

  /// `cut` is at the layer, and may alter the further ones. `activation` is R as the network gives it (B,
  /// ...), and `skipping` are the values that skip the cut, a row for each image. The network computes in its
  /// own precision, the rest in float. The cut and the layers must outlive this. Used by one thread at a
  /// time.
  BottleneckLoss(const Cut& cut, const NoisedLayer& layer, const Tensor& activation, Values skipping,
                 Variant variant, std::vector<Further> further = {});
  BottleneckLoss(const Cut& cut, const NoisedLayer& layer, const Tensor& activation, Values skipping);

  /// What a pass computes. Tensors at the layer are pixels (B, h, w, C).
  struct Terms {
    Mask mask;           // λ
    Tensor capacity;     // KL[P(Z|R) ‖ Q(Z)]
    Tensor information;  // L_I (B), double
    Tensor noise;        // (ε − μ)/σ (B, S, h, w, C)
    Tensor noised;       // Z (B, S, h, w, C)
    Tensor outputs;      // of the network (B·S, outputs)
    Tensor losses;       // of the target (B·S)
    Tensor fit;          // L_F (B), double
    const Objective* objective = nullptr;
    Interpreter::Tape tape;
    Alterations alterations;  // of the further layers
    std::shared_ptr<std::vector<Tensor>>
        by_masks;  // what the way back leaves there: ∂L_F/∂λ of each further layer
  };

  /// Standard normal noise (B, S, h, w, C) of the layer, and of each further one.
  using Noise = std::vector<Tensor>;

  /// All terms, for the targets of the images, which must outlive them. Only a pass that is `differentiable`
  /// keeps what the way back needs of the network.
  Terms forward(const Mask& mask, const Noise& noise, const Objective& objective, bool differentiable) const;

  /// The terms up to L_I, which need no noise.
  Terms information(const Mask& mask) const;

  /// Adds Z and the outputs, for which there need be no targets.
  void add_outputs(Terms& terms, const Noise& noise, bool differentiable = false) const;

  /// ∂L/∂λ (B, h, w, C) of each image, with respect to each neuron's own λ; where there are further layers,
  /// (B, h, w, 1), with respect to what the channels share.
  Tensor backward(Terms terms, double beta) const;

  /// r' = (R − μ)/σ (B, h, w, C).
  const Tensor& normalised() const { return normalised_; }

 private:
  const Values& skipping_for(int64_t copies) const;
  Mask mixing_mask(const Mask& mask) const;
  Tensor loss_gradient(const Terms& terms) const;
  Tensor information_derivative(const Mask& mask) const;

  const Cut& cut_;
  const NoisedLayer& layer_;
  Variant variant_;
  std::vector<Further> further_;
  Tensor centred_;     // R − μ
  Tensor normalised_;  // (R − μ)/σ
  Values skipping_;
  // Repeated for the copies of the last pass: the next one mostly has as many.
  mutable int64_t repeated_copies_ = 1;
  mutable Values repeated_;
};

}  // namespace iba
