#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attribution/method.h"
#include "bottleneck/noised_layer.h"

namespace iba {

/// How the mask of a bottleneck is optimised, as options say it.
struct MaskSettings {
  const Conventions* conventions;
  bool is_proximal;
  double beta;
  int64_t steps;
  double tolerance;
  int64_t copies;
  bool adapts_copies;
  bool pairs_noise;
  double learning_rate;
  double initial_alpha;
  SmoothingKernel kernel;
  bool is_inverse;
  std::optional<double> loss_limit;
  bool shares_channels;
  NoisedLayer::Placeless placeless;
  int64_t loss_copies;
  bool keeps_capacity;
  bool keeps_steps;

  /// `conventions` are those where no preset was chosen. Throws INVALID_ARGUMENT for options that exclude
  /// each other.
  MaskSettings(const Options& options, const Conventions& standard);

  /// L of L_F and L_I.
  double loss_of(double fit, double information) const {
    return (is_inverse ? -fit : fit) + beta * information;
  }
};

/// What differs between the methods' defaults.
struct MaskDefaults {
  double beta = 10;
  int64_t steps = 10;
  double sigma = 1;
};

/// The options that `MaskSettings` reads, without the layer.
std::vector<OptionSpec> mask_options(const MaskDefaults& defaults = {});

/// Those that every optimisation of a mask has: without the solver, the inverse mask and the sharing of
/// channels.
std::vector<OptionSpec> common_mask_options(const MaskDefaults& defaults);

}  // namespace iba
