#include "import/own_normalisation.h"

#include "network/interpreter.h"

namespace iba {

namespace {

/// Normalising comes first, and takes a few steps at most.
constexpr size_t kFirstSteps = 16;
constexpr double kSameDifference = 1e-4;

/// What a step has made of the images so far: (x − mean) / deviation, by channel.
struct Normalisation {
  Tensor mean;
  Tensor deviation;

  bool lies_in(double least_mean, double greatest_mean, double least_deviation,
               double greatest_deviation) const {
    return ((mean >= least_mean) & (mean <= greatest_mean) & (deviation >= least_deviation) &
            (deviation <= greatest_deviation))
        .all()
        .item<bool>();
  }
};

/// Values of a step for black, white and any image, if it has one for each of the image's.
std::vector<Tensor> as_images(std::vector<Tensor> values, const Tensor& image) {
  for (Tensor& value : values) {
    if (value.dim() != 4) return {};
    if (value.sizes() != image.sizes()) value = value.permute({0, 3, 1, 2});
    if (value.sizes() != image.sizes()) return {};
  }
  return values;
}

std::optional<Normalisation> normalisation_of(const std::vector<Tensor>& values, const Tensor& image) {
  if (values.empty()) return std::nullopt;
  const Tensor& black = values[0];
  Tensor slope = values[1] - black;
  if (!(slope > 0).all().item<bool>()) return std::nullopt;
  // Blue may come first from there on.
  for (const Tensor& order : {image, image.flip(1)}) {
    Tensor difference = (slope * order + black - values[2]).abs().max();
    if ((difference > kSameDifference * values[2].abs().max()).item<bool>()) continue;
    Tensor deviation = slope.mean({0, 2, 3}).reciprocal();
    Tensor same = (slope * deviation.view({1, -1, 1, 1}) - 1).abs().max();
    if ((same > kSameDifference).item<bool>()) continue;
    return Normalisation{-black.mean({0, 2, 3}) * deviation, deviation};
  }
  return std::nullopt;
}

/// The means and deviations of photographs, with room for other sets of them; 0 and 255 alone is bytes that
/// are scaled, and a deviation of 1 is a mean alone.
std::optional<int64_t> white_of(const Normalisation& normalisation) {
  if (normalisation.lies_in(0.1, 0.8, 0.1, 1.01)) return 1;
  const bool has_bytes = normalisation.lies_in(-1, 204, 25, 260) || normalisation.lies_in(50, 204, 0.99, 260);
  if (has_bytes) return 255;
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> find_own_normalisation(const Network& network, const Tensor& image) {
  std::vector<ValueId> first;
  for (const auto& step : network.steps) {
    if (first.size() < kFirstSteps && !makes_number(step.operation)) first.push_back(step.output);
  }
  std::vector<std::vector<Tensor>> by_image;
  for (const Tensor& images : {at::zeros_like(image), at::ones_like(image), image})
    by_image.push_back(activations(network, images, first));
  std::optional<int64_t> white;
  for (size_t i = 0; i < first.size(); ++i) {
    std::vector<Tensor> values = as_images({by_image[0][i], by_image[1][i], by_image[2][i]}, image);
    if (auto found = normalisation_of(values, image)) white = white_of(*found);
  }
  return white;
}

}  // namespace iba
