#pragma once

#include <string>
#include <vector>

#include "bottleneck/information.h"
#include "bottleneck/noise_copies.h"
#include "bottleneck/statistics.h"
#include "network/grid.h"
#include "runtime/noise.h"

namespace iba {

/// Mean and standard deviation of each neuron of a layer, of its activation's shape, and which neurons count
/// as active.
struct NeuronStatistics {
  std::string layer;
  Tensor mean;
  Tensor std;
  Tensor active;  // bool

  /// As a preset reads them; `minimum_std` is the floor of those that have one.
  static NeuronStatistics of(const LayerStatistics& statistics, const Conventions& conventions,
                             double minimum_std);
};

/// The layer that a bottleneck sits in: its activations R mixed with noise of its own statistics μ and σ, in
/// the conventions of a preset. All activations are pixels (B, h, w, C), as the grid makes them: a
/// channels-last tensor seen by its memory, so that passing it to the network and back copies nothing.
class NoisedLayer {
 public:
  /// What happens to tokens that belong to no place, such as the class token: the mask restricts them as all
  /// others, or they pass as they are and none of their information counts.
  enum class Placeless { restricted, free };

  /// `grid` says how the layer's activations lie. Masks are smoothed by the kernel.
  NoisedLayer(const Network& network, const NeuronStatistics& statistics, const Grid& grid,
              const Conventions& conventions, SmoothingKernel kernel,
              Placeless placeless = Placeless::restricted);

  const Grid& grid() const { return grid_; }

  /// The same with means of their own for some images: activations of the layer's shape (B, ...).
  NoisedLayer around(const Tensor& means) const;

  /// Throws STATISTICS where a batch of activations has another shape than the statistics.
  void check_shape(const Tensor& activation) const;

  /// Pixels of so many images that hold one number, and the same with a single channel.
  Tensor filled(int64_t images, double number) const;
  Tensor filled_places(int64_t images, double number) const;

  /// How many neurons of an image the mask restricts.
  int64_t restricted() const { return restricted_; }

  /// λ = K ∗ sigmoid(α), and the gradient with respect to α for the gradient with respect to each neuron's λ,
  /// of which that of inactive and free neurons counts as 0. α has a number for each neuron, or for each
  /// place, which all its channels share.
  Mask mask(const Tensor& alpha) const { return opened(mask_of(alpha, smoothing_)); }
  Tensor mask_backward(const Tensor& alpha, Tensor gradient) const;

  /// The gradient with respect to what all channels of a place share (B, h, w, 1).
  Tensor over_channels(Tensor gradient) const;

  /// λ = K ∗ ν, and likewise the gradient with respect to ν.
  Mask smoothed(const Mask& mask) const { return opened(iba::smoothed(mask, smoothing_)); }
  Tensor smoothing_backward(Tensor gradient) const;

  /// R − μ, and from it r' = (R − μ)/σ.
  Tensor centre(const Tensor& pixels) const { return pixels - mean_; }
  Tensor normalise(const Tensor& centred) const { return centred / std_; }

  /// The information that passes each neuron, in nats; none through inactive and free ones.
  Tensor capacity(const Tensor& normalised, const Mask& mask) const;

  /// A standard normal number for each neuron of so many copies (B, copies, h, w, C), from one stream for
  /// each image.
  Tensor draw_noise(std::vector<NoiseStream>& streams, int64_t copies) const;

  /// Z = λR + (1−λ)(μ + σε) for noise ε of shape (B, copies, h, w, C), as float or rounded to bfloat16.
  Tensor mix(const Tensor& centred, const Mask& mask, const Tensor& noise,
             at::ScalarType type = at::kFloat) const;

  /// ∂L/∂R (B·copies, h, w, C) for ∂L/∂Z (B·copies, 1, h, w, C), where each copy has an activation and a mask
  /// of its own.
  Tensor signal_gradient(const Mask& mask, const Tensor& mixed, Tensor gradient) const;

  /// Adds to the gradient with respect to λ (B, h, w, C) what comes from the gradient with respect to Z,
  /// which is float or of Z's type.
  void mix_backward(const Tensor& centred, const Mask& mask, const Tensor& noise, const Tensor& mixed,
                    Tensor gradient, Tensor& mask_gradient) const;

 private:
  Tensor draw_in_place(std::vector<NoiseStream>& streams, int64_t copies) const;
  CopySums sums_over_copies(const Tensor& noise, const Tensor& mixed, Tensor gradient) const;
  void free_placeless();
  Mask opened(Mask mask) const;
  void silence_inactive(Tensor& pixels) const;
  void leave_out_uncounted(Tensor& pixels) const;

  std::string name_;
  Grid grid_;
  Smoothing smoothing_;
  std::vector<int64_t> shape_;  // of the activation of one image
  Tensor mean_;                 // (h, w, C), or (B, h, w, C) of some images
  Tensor std_;                  // (h, w, C), as all that follow
  Tensor inactive_;             // undefined where every neuron is active
  Tensor free_;                 // (h, w, 1), of places; undefined where none is
  Tensor uncounted_;            // the inactive and the free; undefined where there are none
  int64_t restricted_;
  bool clamps_noise_;
  bool rectifies_;
};

}  // namespace iba
