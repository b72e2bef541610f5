#pragma once

#include <vector>

#include "attribution/passes.h"
#include "network/grid.h"
#include "network/interpreter.h"

namespace iba {

/// The mask of the pixels that InputIBA takes for its prior (Zhang et al. 2021, section 3): images noised
/// with it give at a layer what that layer's bottleneck gives. It is found as a Wasserstein GAN with clipped
/// weights, whose generator is the mask α with the mean and the deviation of the noise of each colour,
///
///   x_G = S(α) x + (1 − S(α)) (e g + u),  g ~ N(0, 1),  S: logistic
///
/// and whose real samples are m R + (1 − m) (s g + u), with the layer's activation R, the capacity m of its
/// bottleneck, and groups of samples with s ~ U(0, 5) and u ~ U(−2, 2) each.
class GeneratedPrior {
 public:
  /// The options are those of `generated_prior_options`. The network must outlive it.
  GeneratedPrior(const Network& network, ValueId layer, const Options& options);

  /// What is known of an image.
  struct Evidence {
    Tensor image;      // (C, H, W)
    Tensor capacity;   // of the layer's bottleneck, as its activation lies, in nats
    Tensor map;        // (H, W) the same in bits per pixel: the first α
    const Grid& grid;  // how the activation lies
    uint64_t seed;     // of all that is drawn
  };

  /// S(α) (C, H, W). It takes `steps_of_image` of the steps, and as many rows go through the network together
  /// as the batch allows.
  Tensor mask(const Evidence& evidence, int64_t rows, Steps& steps) const;

  int64_t steps_of_image() const;

 private:
  Tensor activations(const Tensor& images, int64_t rows) const;
  Tensor image_gradients(const Tensor& images, const Tensor& gradients, const Grid& grid, int64_t rows) const;

  const Network& network_;
  ValueId layer_;
  Interpreter to_layer_;
  int64_t epochs_;
  int64_t samples_;
  int64_t batch_;
  int64_t critic_steps_;
  double mask_rate_;
  double critic_rate_;
  double critic_limit_;
};

std::vector<OptionSpec> generated_prior_options();

}  // namespace iba
