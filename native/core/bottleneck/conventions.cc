#include "bottleneck/conventions.h"

#include <algorithm>

#include "bottleneck/capacity_map.h"

namespace iba {

namespace {

constexpr Conventions kIba = {
    .paper_options = false,
    .sample_std = true,
    .zero_mean_after_relu = false,
    .silences_inactive = true,
    .clamps_noise = false,
    .rectifies_noised = false,
    .map = bits_per_pixel_map,
    .unit = "bits/pixel",
    .centres_readout_inputs = true,
    .readout_map = bits_per_pixel_map,
    .divides_by_absolute_sum = true,
    .grad_cam_of_prediction = false,
};

constexpr Conventions kPaper = {
    .paper_options = true,
    .sample_std = false,
    .zero_mean_after_relu = true,
    .silences_inactive = false,
    .clamps_noise = true,
    .rectifies_noised = true,
    .map = scaled_sum_map,
    .unit = "relative",
    .centres_readout_inputs = false,
    .readout_map = scaled_mean_map,
    .divides_by_absolute_sum = false,
    .grad_cam_of_prediction = true,
};

}  // namespace

const Conventions& conventions_of(Preset preset) {
  return preset == Preset::paper ? kPaper : kIba;
}

std::optional<Preset> preset_named(std::string_view name) {
  auto found = std::find(kPresetNames.begin(), kPresetNames.end(), name);
  if (found == kPresetNames.end()) return std::nullopt;
  return static_cast<Preset>(found - kPresetNames.begin());
}

std::string preset_name(Preset preset) {
  return std::string(kPresetNames[static_cast<size_t>(preset)]);
}

}  // namespace iba
