#include "bottleneck/noised_layer.h"

#include <sstream>

#include "error.h"

namespace iba {

namespace {

/// exp(-10 / 2): the smallest standard deviation of the noise where its log-variance is clamped to [-10, 10].
constexpr double kSmallestNoise = 6.737946999085467e-3;

}  // namespace

NeuronStatistics NeuronStatistics::of(const LayerStatistics& statistics, const Conventions& conventions,
                                      double minimum_std) {
  return {statistics.layer(), statistics.mean(conventions),
          statistics.standard_deviation(conventions, minimum_std), statistics.active(conventions)};
}

NoisedLayer::NoisedLayer(const Network& network, const NeuronStatistics& statistics, const Grid& grid,
                         const Conventions& conventions, SmoothingKernel kernel)
    : name_(statistics.layer),
      grid_(grid),
      smoothing_(kernel, grid, at::TensorOptions(network.device()).dtype(at::kFloat)),
      shape_(statistics.mean.sizes().vec()),
      clamps_noise_(conventions.clamps_noise),
      rectifies_(conventions.rectifies_noised && is_after_relu(network, statistics.layer)) {
  auto to_pixels = [&](const Tensor& statistic, at::ScalarType type) {
    return grid_.to_pixels(statistic.to(network.device(), type).unsqueeze(0))[0].contiguous();
  };
  mean_ = to_pixels(statistics.mean, at::kFloat);
  std_ = to_pixels(statistics.std, at::kFloat);
  Tensor inactive = statistics.active.logical_not();
  if (inactive.any().item<bool>()) inactive_ = to_pixels(inactive, at::kBool);
}

void NoisedLayer::check_shape(const Tensor& activation) const {
  at::IntArrayRef expected = shape_, found = activation.sizes().slice(1);
  if (found == expected) return;
  std::ostringstream message;
  message << "The statistics of '" << name_ << "' are for activations of shape " << expected
          << ", but these images give " << found << ". Estimate statistics with images of this size.";
  throw Error(ErrorCode::statistics, message.str());
}

Tensor NoisedLayer::filled(int64_t images, double number) const {
  auto shape = mean_.sizes().vec();
  shape.insert(shape.begin(), images);
  return at::full(shape, number, mean_.options());
}

Tensor NoisedLayer::filled_places(int64_t images, double number) const {
  return at::full({images, mean_.size(0), mean_.size(1), 1}, number, mean_.options());
}

Tensor NoisedLayer::mask_backward(const Tensor& alpha, Tensor gradient) const {
  const bool is_shared = alpha.size(-1) != mean_.size(-1);
  if (!is_shared) silence_inactive(gradient);
  if (is_shared && gradient.size(-1) != 1) gradient = over_channels(std::move(gradient));
  return iba::mask_backward(alpha, smoothing_, gradient);
}

Tensor NoisedLayer::over_channels(Tensor gradient) const {
  silence_inactive(gradient);
  return gradient.sum(-1, true);
}

Tensor NoisedLayer::smoothing_backward(Tensor gradient) const {
  silence_inactive(gradient);
  return smoothing_.adjoint(gradient);
}

Tensor NoisedLayer::capacity(const Tensor& normalised, const Mask& mask) const {
  Tensor nats = iba::capacity(normalised, mask);
  silence_inactive(nats);
  return nats;
}

Tensor NoisedLayer::draw_noise(std::vector<NoiseStream>& streams, int64_t copies) const {
  auto shape = shape_;
  shape.insert(shape.begin(), copies);
  std::vector<Tensor> drawn;
  for (auto& stream : streams) drawn.push_back(grid_.to_pixels(stream.draw(shape)));
  return drawn.size() == 1 ? drawn[0].unsqueeze(0) : at::stack(drawn);
}

void NoisedLayer::silence_inactive(Tensor& pixels) const {
  if (inactive_.defined()) pixels.masked_fill_(inactive_, 0);
}

Tensor NoisedLayer::mix(const Tensor& centred, const Mask& mask, const Tensor& noise) const {
  Tensor signal = at::addcmul(mean_, mask.keep, centred);
  Tensor noise_scale = (clamps_noise_ ? mask.drop.clamp_min(kSmallestNoise) : mask.drop) * std_;
  silence_inactive(signal);
  silence_inactive(noise_scale);
  Tensor mixed = at::addcmul(signal.unsqueeze(1), noise_scale.unsqueeze(1), noise);
  return rectifies_ ? mixed.relu_() : mixed;
}

Tensor NoisedLayer::signal_gradient(const Mask& mask, const Tensor& mixed, Tensor gradient) const {
  if (rectifies_) gradient = at::threshold_backward(gradient, mixed, 0);
  Tensor passed = gradient.squeeze(1) * mask.keep;
  silence_inactive(passed);
  return passed;
}

void NoisedLayer::mix_backward(const Tensor& centred, const Mask& mask, const Tensor& noise,
                               const Tensor& mixed, Tensor gradient, Tensor& mask_gradient) const {
  if (rectifies_) gradient = at::threshold_backward(gradient, mixed, 0);
  Tensor through_signal = at::zeros_like(centred);
  Tensor through_noise = at::zeros_like(centred);
  for (int64_t copy = 0; copy < noise.size(1); ++copy) {
    through_signal.add_(gradient.select(1, copy));
    through_noise.addcmul_(gradient.select(1, copy), noise.select(1, copy));
  }
  through_noise.mul_(std_);
  if (clamps_noise_) through_noise.masked_fill_(mask.drop < kSmallestNoise, 0);
  mask_gradient.addcmul_(centred, through_signal).sub_(through_noise);
}

}  // namespace iba
