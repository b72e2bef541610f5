#include "attribution/generated_prior.h"

#include <ATen/CPUGeneratorImpl.h>

#include "attribution/feature_critic.h"
#include "bottleneck/rms_prop.h"
#include "network/graph.h"
#include "runtime/device.h"
#include "runtime/noise.h"

namespace iba {

namespace {

constexpr int64_t kGroups = 10;
constexpr double kLargestDeviation = 5;
constexpr double kLargestMean = 2;
constexpr double kMeanRate = 0.1;
constexpr double kDeviationRate = 0.05;

/// What the critic is to take for real.
struct RealSamples {
  Tensor activation;  // R (1, C, h, w)
  Tensor mask;        // m (1, C, h, w)
  Tensor deviations;  // of each group, on the CPU
  Tensor means;

  /// Those of the samples of the indices, which are on the CPU.
  Tensor draw(const Tensor& indices, int64_t samples, NoiseStream& stream) const {
    Tensor groups = (indices * kGroups).div_(samples, "trunc");
    auto of_groups = [&](const Tensor& values) {
      return sent_to(activation.device(), values.index_select(0, groups)).view({-1, 1, 1, 1});
    };
    auto shape = activation.sizes().vec();
    shape[0] = indices.size(0);
    Tensor noise = of_groups(deviations) * stream.draw(shape) + of_groups(means);
    return mask * activation + (1 - mask) * noise;
  }
};

/// The generator's parameters, (1, C, H, W) and of each colour (1, C, 1, 1).
struct Generator {
  Tensor image;
  Tensor alpha;
  Tensor mean;
  Tensor deviation;

  Tensor noise(const Tensor& drawn) const { return deviation * drawn + mean; }

  Tensor mix(const Tensor& drawn) const {
    return at::sigmoid(alpha) * image + at::sigmoid(-alpha) * noise(drawn);
  }
};

/// The activation that has this image (N, C, h, w) in its grid, and 0 where it has no place: the adjoint of
/// `Grid::to_image`.
Tensor from_image(const Grid& grid, const Tensor& image) {
  if (grid.form == Grid::Form::image) return image;
  Tensor pixels = image.permute({0, 2, 3, 1});
  if (grid.is_all_places()) return grid.from_pixels(pixels);
  Tensor places = pixels.flatten(1, 2).unsqueeze(1);  // (N, 1, places, C)
  return grid.from_pixels(at::constant_pad_nd(places, {0, 0, grid.prefix, grid.suffix}));
}

/// Moves the critic so that it tells real and generated activations further apart.
void train(FeatureCritic& critic, std::vector<RmsProp>& optimisers, const Tensor& real,
           const Tensor& generated, double limit) {
  auto gradients_of = [&](const Tensor& activations, double share) {
    FeatureCritic::Trace trace;
    Tensor scores = critic.forward(activations, trace);
    return critic.parameter_gradients(trace,
                                      at::full_like(scores, share / static_cast<double>(scores.size(0))));
  };
  auto gradients = gradients_of(real, -1), others = gradients_of(generated, 1);
  for (size_t i = 0; i < optimisers.size(); ++i) {
    optimisers[i].step(gradients[i].add_(others[i]));
    Tensor parameter = critic.parameters()[i];
    parameter.clamp_(-limit, limit);
  }
}

}  // namespace

GeneratedPrior::GeneratedPrior(const Network& network, ValueId layer, const Options& options)
    : network_(network),
      layer_(layer),
      to_layer_(network, steps_for(network, {layer}), {layer}),
      epochs_(options.whole("priorEpochs")),
      samples_(options.whole("priorSamples")),
      batch_(options.whole("priorBatch")),
      critic_steps_(options.whole("criticSteps")),
      mask_rate_(options.number("priorRate")),
      critic_rate_(options.number("criticRate")),
      critic_limit_(options.number("criticLimit")) {}

int64_t GeneratedPrior::steps_of_image() const {
  return epochs_ * ((samples_ + batch_ - 1) / batch_);
}

Tensor GeneratedPrior::activations(const Tensor& images, int64_t rows) const {
  std::vector<Tensor> found;
  for_each_run(images.size(0), rows, [&](int64_t begin, int64_t end) {
    Values values(network_.value_count);
    values[network_.input] = images.slice(0, begin, end);
    to_layer_.forward(values);
    found.push_back(values[layer_].to(at::kFloat));
  });
  return at::cat(found);
}

/// What arrives at the images (N, C, H, W) for the gradients at the layer's places (N, C, h, w).
Tensor GeneratedPrior::image_gradients(const Tensor& images, const Tensor& gradients, const Grid& grid,
                                       int64_t rows) const {
  std::vector<Tensor> arrived;
  for_each_run(images.size(0), rows, [&](int64_t begin, int64_t end) {
    Values values(network_.value_count);
    values[network_.input] = images.slice(0, begin, end);
    Interpreter::Tape tape;
    to_layer_.forward(values, &tape);
    Tensor of_layer = from_image(grid, gradients.slice(0, begin, end));
    arrived.push_back(at_least_float(to_layer_.backward(tape, layer_, of_layer, network_.input)));
  });
  return at::cat(arrived);
}

Tensor GeneratedPrior::mask(const Evidence& evidence, int64_t rows, Steps& steps) const {
  const Grid& grid = evidence.grid;
  const at::Device device = evidence.image.device();
  Tensor image = evidence.image.unsqueeze(0);
  auto random = at::detail::createCPUGenerator(evidence.seed);
  NoiseStream stream(evidence.seed, device);
  RealSamples real{grid.to_image(activations(image, rows)).contiguous(),
                   grid.to_image(evidence.capacity.to(device).unsqueeze(0)).contiguous(),
                   at::rand({kGroups}, random, at::kFloat) * kLargestDeviation,
                   at::rand({kGroups}, random, at::kFloat) * (2 * kLargestMean) - kLargestMean};
  Generator generator{image, evidence.map.to(device).expand_as(image).clone(),
                      at::zeros({1, image.size(1), 1, 1}, image.options()),
                      at::ones({1, image.size(1), 1, 1}, image.options())};
  FeatureCritic critic(real.activation.sizes(), random, device);
  std::vector<RmsProp> of_critic;
  for (const auto& parameter : critic.parameters()) of_critic.emplace_back(parameter, critic_rate_);
  RmsProp of_mask(generator.alpha, mask_rate_), of_mean(generator.mean, kMeanRate),
      of_deviation(generator.deviation, kDeviationRate);

  for (int64_t epoch = 0; epoch < epochs_; ++epoch) {
    Tensor order = at::randperm(samples_, random, at::kLong);
    for (int64_t begin = 0; begin < samples_; begin += batch_) {
      steps.check();
      Tensor indices = order.slice(0, begin, std::min(samples_, begin + batch_));
      Tensor wanted = real.draw(indices, samples_, stream);
      auto shape = image.sizes().vec();
      shape[0] = indices.size(0);
      Tensor drawn = stream.draw(shape);
      Tensor mixed = generator.mix(drawn);
      Tensor made = grid.to_image(activations(mixed, rows)).contiguous();
      train(critic, of_critic, wanted, made, critic_limit_);
      if (begin / batch_ % critic_steps_ == 0) {
        FeatureCritic::Trace trace;
        Tensor scores = critic.forward(made, trace);
        Tensor by_scores = at::full_like(scores, -1 / static_cast<double>(scores.size(0)));
        Tensor by_pixels = image_gradients(mixed, critic.activation_gradient(trace, by_scores), grid, rows);
        Tensor keep = at::sigmoid(generator.alpha), drop = at::sigmoid(-generator.alpha);
        Tensor by_alpha = (by_pixels * (image - generator.noise(drawn))).sum(0, true) * keep * drop;
        Tensor by_noise = by_pixels * drop;
        of_mean.step(by_noise.sum({0, 2, 3}, true));
        of_deviation.step((by_noise * drawn).sum({0, 2, 3}, true));
        of_mask.step(by_alpha);
      }
      steps.finish();
    }
  }
  return at::sigmoid(generator.alpha)[0];
}

std::vector<OptionSpec> generated_prior_options() {
  return {
      whole_option("priorEpochs", "of the prior gan: how often it goes through its samples", 20, 1, 100'000),
      whole_option("priorSamples", "of the prior gan: samples of an epoch", 200, 1, 100'000),
      whole_option("priorBatch", "of the prior gan: samples of a step of the critic", 32, 1, 4096),
      number_option("priorRate", "of the prior gan: learning rate of the mask", 0.003, 0),
      whole_option("criticSteps", "of the prior gan: steps of the critic for one of the mask", 5, 1, 100'000),
      number_option("criticRate", "of the prior gan: learning rate of the critic", 5e-5, 0),
      number_option("criticLimit", "of the prior gan: what the critic's weights are kept within", 0.01,
                    1e-6)};
}

}  // namespace iba
