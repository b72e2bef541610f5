#pragma once

#include <string>

#include "bottleneck/information.h"
#include "bottleneck/statistics.h"
#include "network/grid.h"

namespace iba {

/// Mean and deviation of each neuron of a layer, of its activation's shape, and which neurons count as
/// active.
struct NeuronStatistics {
  std::string layer;
  Tensor mean;
  Tensor std;
  Tensor active;  // bool

  /// As a preset reads them; `minimum_std` is the floor of the `iba` preset.
  static NeuronStatistics of(const LayerStatistics& statistics, Preset preset, double minimum_std);
};

/// The layer that a bottleneck sits in: its activations mixed with noise of its own statistics, in the
/// conventions of a preset. All activations are pixels (B, h, w, C), as the grid makes them: a channels-last
/// tensor seen by its memory, so that passing it to the network and back copies nothing.
class NoisedLayer {
 public:
  /// `grid` says how the layer's activations lie, `after_relu` whether they come out of a ReLU.
  NoisedLayer(const NeuronStatistics& statistics, const Grid& grid, Preset preset, bool after_relu,
              at::Device device);

  const std::string& name() const { return name_; }
  const Grid& grid() const { return grid_; }

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
  Grid grid_;
  std::vector<int64_t> shape_;  // of the activation of one image
  Tensor mean_;                 // (h, w, C), as all that follow
  Tensor std_;
  Tensor inactive_;   // undefined where every neuron is active
  bool clamp_noise_;  // the sampling noise's log-variance is kept in [-10, 10]
  bool clamp_zero_;   // the noised activation is cut off at 0
};

}  // namespace iba
