#include "bottleneck/noised_layer.h"

#include <sstream>

#include "error.h"
#include "network/elementwise.h"
#include "network/precision.h"

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
                         const Conventions& conventions, SmoothingKernel kernel, Placeless placeless)
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
  restricted_ = mean_.numel();
  uncounted_ = inactive_;
  if (placeless == Placeless::free && !grid_.is_all_places()) free_placeless();
}

/// Tokens lie as a row, of which some in front and behind belong to no place.
void NoisedLayer::free_placeless() {
  const int64_t tokens = mean_.size(1), channels = mean_.size(2);
  free_ = at::ones({1, tokens, 1}, mean_.options().dtype(at::kBool));
  free_.slice(1, grid_.prefix, tokens - grid_.suffix).fill_(false);
  restricted_ -= (grid_.prefix + grid_.suffix) * channels;
  uncounted_ = inactive_.defined() ? inactive_.logical_or(free_) : free_;
  if (inactive_.defined()) inactive_.masked_fill_(free_, false);
}

Mask NoisedLayer::opened(Mask mask) const {
  if (free_.defined()) mask = {mask.keep.masked_fill(free_, 1), mask.drop.masked_fill(free_, 0)};
  return mask;
}

NoisedLayer NoisedLayer::around(const Tensor& means) const {
  NoisedLayer layer = *this;
  layer.mean_ = grid_.to_pixels(means.to(at::kFloat));
  return layer;
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
  auto shape = std_.sizes().vec();
  shape.insert(shape.begin(), images);
  return at::full(shape, number, std_.options());
}

Tensor NoisedLayer::filled_places(int64_t images, double number) const {
  return at::full({images, std_.size(0), std_.size(1), 1}, number, std_.options());
}

Tensor NoisedLayer::mask_backward(const Tensor& alpha, Tensor gradient) const {
  const bool is_shared = alpha.size(-1) != std_.size(-1);
  if (!is_shared) leave_out_uncounted(gradient);
  if (is_shared && gradient.size(-1) != 1) gradient = over_channels(std::move(gradient));
  return iba::mask_backward(alpha, smoothing_, gradient);
}

Tensor NoisedLayer::over_channels(Tensor gradient) const {
  leave_out_uncounted(gradient);
  return gradient.sum(-1, true);
}

Tensor NoisedLayer::smoothing_backward(Tensor gradient) const {
  leave_out_uncounted(gradient);
  return smoothing_.adjoint(gradient);
}

Tensor NoisedLayer::capacity(const Tensor& normalised, const Mask& mask) const {
  Tensor nats = iba::capacity(normalised, mask);
  leave_out_uncounted(nats);
  return nats;
}

Tensor NoisedLayer::draw_noise(std::vector<NoiseStream>& streams, int64_t copies) const {
  if (!std_.is_cpu()) return draw_in_place(streams, copies);
  auto shape = shape_;
  shape.insert(shape.begin(), copies);
  std::vector<Tensor> drawn;
  for (auto& stream : streams) drawn.push_back(grid_.to_pixels(stream.draw(shape)));
  return drawn.size() == 1 ? drawn[0].unsqueeze(0) : at::stack(drawn);
}

/// Where the pixels lie that it is for: nothing is copied.
Tensor NoisedLayer::draw_in_place(std::vector<NoiseStream>& streams, int64_t copies) const {
  auto shape = std_.sizes().vec();
  shape.insert(shape.begin(), {static_cast<int64_t>(streams.size()), copies});
  Tensor drawn = at::empty(shape, std_.options());
  for (size_t i = 0; i < streams.size(); ++i) {
    Tensor of_image = grid_.from_pixels(drawn[static_cast<int64_t>(i)]);
    streams[i].fill(of_image);
  }
  return drawn;
}

void NoisedLayer::silence_inactive(Tensor& pixels) const {
  if (inactive_.defined()) pixels.masked_fill_(inactive_, 0);
}

void NoisedLayer::leave_out_uncounted(Tensor& pixels) const {
  if (uncounted_.defined()) pixels.masked_fill_(uncounted_, 0);
}

Tensor NoisedLayer::mix(const Tensor& centred, const Mask& mask, const Tensor& noise,
                        at::ScalarType type) const {
  Tensor signal = at::addcmul(mean_, mask.keep, centred);
  Tensor noise_scale = (clamps_noise_ ? mask.drop.clamp_min(kSmallestNoise) : mask.drop) * std_;
  silence_inactive(signal);
  silence_inactive(noise_scale);
  if (type == at::kBFloat16 && passes_over_copies(noise)) {
    noise_scale = noise_scale.expand_as(signal);
    return mix_copies(signal, noise_scale, noise, rectifies_);
  }
  Tensor mixed = at::empty(noise.sizes(), noise.options().dtype(type));
  at::addcmul_out(mixed, signal.unsqueeze(1), noise_scale.unsqueeze(1), noise);
  return rectifies_ ? mixed.relu_() : mixed;
}

Tensor NoisedLayer::signal_gradient(const Mask& mask, const Tensor& mixed, Tensor gradient) const {
  if (rectifies_) gradient = relu_backward(std::move(gradient), mixed);
  Tensor passed = gradient.squeeze(1) * mask.keep;
  silence_inactive(passed);
  return passed;
}

CopySums NoisedLayer::sums_over_copies(const Tensor& noise, const Tensor& mixed, Tensor gradient) const {
  const bool are_rounded = gradient.scalar_type() == at::kBFloat16 && mixed.scalar_type() == at::kBFloat16;
  if (are_rounded && passes_over_copies(noise))
    return sum_copies(gradient, noise, rectifies_ ? mixed : Tensor());
  if (rectifies_) gradient = relu_backward(std::move(gradient), mixed.to(gradient.scalar_type()));
  if (!noise.is_cpu()) return {gradient.sum(1, false, at::kFloat), (gradient * noise).sum(1)};
  gradient = at_least_float(gradient);
  CopySums sums{at::zeros_like(noise.select(1, 0)), at::zeros_like(noise.select(1, 0))};
  for (int64_t copy = 0; copy < noise.size(1); ++copy) {
    sums.gradient.add_(gradient.select(1, copy));
    sums.gradient_by_noise.addcmul_(gradient.select(1, copy), noise.select(1, copy));
  }
  return sums;
}

void NoisedLayer::mix_backward(const Tensor& centred, const Mask& mask, const Tensor& noise,
                               const Tensor& mixed, Tensor gradient, Tensor& mask_gradient) const {
  auto [through_signal, through_noise] = sums_over_copies(noise, mixed, std::move(gradient));
  through_noise.mul_(std_);
  if (clamps_noise_) through_noise.masked_fill_(mask.drop < kSmallestNoise, 0);
  mask_gradient.addcmul_(centred, through_signal).sub_(through_noise);
}

}  // namespace iba
