#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "torch.h"

namespace iba {

/// Whose conventions are followed: those of the authors' library IBA, or those of the paper's code.
enum class Preset { iba, paper };

/// The names that users know them by, in that order.
inline constexpr std::array<std::string_view, 2> kPresetNames = {"iba", "paper"};

/// Makes a heat map (H, W) of a capacity (C, h, w) in nats.
using CapacityMap = at::Tensor (*)(const at::Tensor& capacity, std::array<int64_t, 2> image_size);

/// What the presets do differently: the rows of the table in docs/bottleneck.md, in its order. Nothing else
/// asks which preset it is.
struct Conventions {
  /// Options take the values of the paper's code, where they have such.
  bool paper_options;
  /// The standard deviation is that of the sample, with a floor. Otherwise it is the root of the mean square,
  /// after a ReLU of the non-zero values.
  bool sample_std;
  /// The mean of what comes out of a ReLU counts as 0.
  bool zero_mean_after_relu;
  /// Neurons that are (almost) never active carry no information and pass nothing.
  bool silences_inactive;
  /// The log-variance of the noise is kept within [-10, 10] when it is drawn.
  bool clamps_noise;
  /// The noised activation of what comes out of a ReLU is cut off at 0.
  bool rectifies_noised;
  /// The map of a bottleneck, and what its values count.
  CapacityMap map;
  const char* unit;
  /// The mean is subtracted from the activations that a readout network reads.
  bool centres_readout_inputs;
  /// The map of a readout bottleneck.
  CapacityMap readout_map;
  /// Signed gradients are divided by the sum of their absolute values. Otherwise by their sum, which may turn
  /// the order of the pixels around.
  bool divides_by_absolute_sum;
  /// Grad-CAM explains the predicted class, whatever it is asked for.
  bool grad_cam_of_prediction;
};

const Conventions& conventions_of(Preset preset);

std::optional<Preset> preset_named(std::string_view name);
std::string preset_name(Preset preset);

}  // namespace iba
