#include "bottleneck/noised_layer.h"

#include <sstream>

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

NoisedLayer::NoisedLayer(const NeuronStatistics& statistics, const Grid& grid, Preset preset, bool after_relu,
                         at::Device device)
    : name_(statistics.layer),
      grid_(grid),
      shape_(statistics.mean.sizes().vec()),
      clamp_noise_(preset == Preset::paper),
      clamp_zero_(preset == Preset::paper && after_relu) {
  auto to_pixels = [&](const Tensor& statistic, at::TensorOptions options) {
    return grid_.to_pixels(statistic.to(options).unsqueeze(0))[0].contiguous();
  };
  auto options = at::TensorOptions(device).dtype(at::kFloat);
  mean_ = to_pixels(statistics.mean, options);
  std_ = to_pixels(statistics.std, options);
  Tensor inactive = statistics.active.logical_not();
  if (inactive.any().item<bool>()) inactive_ = to_pixels(inactive, device);
}

void NoisedLayer::check_shape(const Tensor& activation) const {
  at::IntArrayRef expected = shape_, found = activation.sizes().slice(1);
  if (found == expected) return;
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
