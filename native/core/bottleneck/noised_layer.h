#pragma once

#include <string>

#include "bottleneck/information.h"
#include "bottleneck/statistics.h"

namespace iba {

/// Mean and deviation of each neuron of a layer, (C, h, w) or (C), and which neurons count as active.
struct NeuronStatistics {
  std::string layer;
  Tensor mean;
  Tensor std;
  Tensor active;  // bool

  /// As a preset reads them; `minimum_std` is the floor of the `iba` preset.
  static NeuronStatistics of(const LayerStatistics& statistics, Preset preset, double minimum_std);
};

/// The layer that a bottleneck sits in: its activations mixed with noise of its own statistics, in the
/// conventions of a preset. All activations are pixels (B, h, w, C).
class NoisedLayer {
 public:
  /// `after_relu` says whether the layer's values come out of a ReLU. Throws MODEL where they are neither an
  /// image nor a vector.
  NoisedLayer(const NeuronStatistics& statistics, Preset preset, bool after_relu, at::Device device);

  const std::string& name() const { return name_; }
  /// Of the network's activations: 4 for images, 2 for vectors.
  int64_t dimensions() const { return dimensions_; }

  /// Throws STATISTICS where a batch of activations has another shape than the statistics.
  void check_shape(const Tensor& activation) const;

  /// r − μ, and from it r' = (r − μ)/σ.
  Tensor deviation(const Tensor& pixels) const { return pixels - mean_; }
  Tensor normalise(const Tensor& deviation) const { return deviation / std_; }

  /// The information that passes each neuron, in nats; none through inactive ones.
  Tensor capacity(const Tensor& normalised, const Mask& mask) const;

  /// Sets to 0 what belongs to inactive neurons.
  void silence_inactive(Tensor& pixels) const;

  /// λr + (1−λ)(μ + σε) for noise ε of shape (B, copies, h, w, C).
  Tensor mix(const Tensor& deviation, const Mask& mask, const Tensor& noise) const;

  /// Adds to the gradient with respect to λ (B, h, w, C) what comes from the gradient with respect to the
  /// mixed activations.
  void mix_backward(const Tensor& deviation, const Mask& mask, const Tensor& noise, const Tensor& mixed,
                    Tensor gradient, Tensor& mask_gradient) const;

 private:
  std::string name_;
  int64_t dimensions_;
  Tensor mean_;  // (h, w, C), as all that follow
  Tensor std_;
  Tensor inactive_;   // undefined where every neuron is active
  bool clamp_noise_;  // the sampling noise's log-variance is kept in [-10, 10]
  bool clamp_zero_;   // the noised activation is cut off at 0
};

}  // namespace iba
