#include "bottleneck/noised_layer.h"

#include <sstream>

#include "bottleneck/pixels.h"
#include "error.h"

namespace iba {

namespace {

/// exp(-10 / 2): the smallest deviation of the noise where its log-variance is clamped to [-10, 10].
constexpr double kSmallestNoise = 6.737946999085467e-3;

}  // namespace

NeuronStatistics NeuronStatistics::of(const LayerStatistics& statistics, Preset preset, double minimum_std) {
  return {statistics.layer(), statistics.mean(preset), statistics.standard_deviation(preset, minimum_std),
          statistics.active(preset)};
}

NoisedLayer::NoisedLayer(const NeuronStatistics& statistics, Preset preset, bool after_relu,
                         at::Device device)
    : name_(statistics.layer),
      dimensions_(statistics.mean.dim() + 1),
      clamp_noise_(preset == Preset::paper),
      clamp_zero_(preset == Preset::paper && after_relu) {
  if (dimensions_ != 2 && dimensions_ != 4) {
    throw Error("MODEL",
                "The activation of '" + name_ + "' is neither an image nor a vector. Choose another layer.");
  }
  auto options = at::TensorOptions(device).dtype(at::kFloat);
  mean_ = statistic_pixels(statistics.mean, options);
  std_ = statistic_pixels(statistics.std, options);
  Tensor inactive = statistics.active.logical_not();
  if (inactive.any().item<bool>()) inactive_ = statistic_pixels(inactive, device);
}

void NoisedLayer::check_shape(const Tensor& activation) const {
  auto expected = mean_.permute({2, 0, 1}).sizes();
  auto found = activation.sizes().slice(1);
  bool fits = found.size() == 3 ? found == expected : found.size() == 1 && found[0] == expected[0];
  if (fits && activation.dim() == dimensions_) return;
  std::ostringstream message;
  message << "The statistics of '" << name_ << "' are for activations of shape " << expected
          << ", but these images give " << found << ". Estimate statistics with images of this size.";
  throw Error("STATISTICS", message.str());
}

Tensor NoisedLayer::capacity(const Tensor& normalised, const Mask& mask) const {
  Tensor nats = iba::capacity(normalised, mask);
  silence_inactive(nats);
  return nats;
}

void NoisedLayer::silence_inactive(Tensor& pixels) const {
  if (inactive_.defined()) pixels.masked_fill_(inactive_, 0);
}

Tensor NoisedLayer::mix(const Tensor& deviation, const Mask& mask, const Tensor& noise) const {
  Tensor signal = at::addcmul(mean_, mask.keep, deviation);
  Tensor noise_scale = (clamp_noise_ ? mask.drop.clamp_min(kSmallestNoise) : mask.drop) * std_;
  silence_inactive(signal);
  silence_inactive(noise_scale);
  Tensor mixed = at::addcmul(signal.unsqueeze(1), noise_scale.unsqueeze(1), noise);
  return clamp_zero_ ? mixed.relu_() : mixed;
}

void NoisedLayer::mix_backward(const Tensor& deviation, const Mask& mask, const Tensor& noise,
                               const Tensor& mixed, Tensor gradient, Tensor& mask_gradient) const {
  if (clamp_zero_) gradient = at::threshold_backward(gradient, mixed, 0);
  Tensor through_signal = at::zeros_like(deviation);
  Tensor through_noise = at::zeros_like(deviation);
  for (int64_t copy = 0; copy < noise.size(1); ++copy) {
    through_signal.add_(gradient.select(1, copy));
    through_noise.addcmul_(gradient.select(1, copy), noise.select(1, copy));
  }
  through_noise.mul_(std_);
  if (clamp_noise_) through_noise.masked_fill_(mask.drop < kSmallestNoise, 0);
  mask_gradient.addcmul_(deviation, through_signal).sub_(through_noise);
}

}  // namespace iba
