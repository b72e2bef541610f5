#include "bottleneck/loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr double kBeta = 10;
const std::vector<int64_t> kTargets{2, 0};

Objective objective_of(const std::vector<int64_t>& classes) {
  std::vector<Target> targets;
  for (int64_t index : classes) targets.push_back(Target::of_class(index));
  return {targets, 4, at::kCPU};
}

Network small_network() {
  Builder builder("small", 3, 4);
  auto first = builder.convolution("first", builder.input(), {.in = 3, .out = 3, .bias = true});
  auto relu = builder.step("relu", Relu{}, {first});
  auto second = builder.convolution("second", relu, {.in = 3, .out = 5, .bias = true});
  auto last = builder.step("last", Relu{}, {second});
  auto flat = builder.step("flatten", Flatten{}, {builder.step("pool", AdaptiveAveragePool{}, {last})});
  Network network = builder.finish(builder.linear("fc", flat, 5, 4), "relu", "last");
  seed_weights(network, 0);
  network.to(at::kCPU);
  return network;
}

Network in_double(Network network) {
  for (auto& [name, tensor] : network.parameters()) *tensor = tensor->to(at::kDouble);
  return network;
}

/// Two images with their activations R at the layer, three noise copies of each, and statistics with an
/// inactive neuron.
struct Given {
  Tensor images = normal("images", {2, 3, 5, 4}).to(at::kFloat);
  Tensor alpha = normal("alpha", {2, 5, 4, 3});
  Tensor noise = normal("noise", {2, 3, 5, 4, 3});
  NeuronStatistics statistics{"relu", normal("mean", {3, 5, 4}).abs(), normal("std", {3, 5, 4}).abs() + 0.1,
                              at::ones({3, 5, 4}, at::kBool)};

  Given() { statistics.active[1][2][3] = false; }
};

/// Pixels (h, w, C) of what lies as (C, h, w).
Tensor pixels(const Tensor& map) {
  return map.permute({1, 2, 0});
}

/// The sum of the images' losses, written out in double precision as the paper has it.
double naive_loss(const Given& given, const Tensor& alpha, const Conventions& conventions) {
  Network network = in_double(small_network());
  Cut cut(network, network.layer("relu").value);
  Tensor activation = cut.before(given.images.to(at::kDouble))[cut.at()].permute({0, 2, 3, 1});
  Tensor mean = pixels(given.statistics.mean), std = pixels(given.statistics.std);
  Tensor active = pixels(given.statistics.active);

  Grid grid{Grid::Form::image, 0, 5, 4};
  auto [keep, drop] = mask_of(alpha, Smoothing(1.0, grid, alpha.options()));
  Tensor normalised = (activation - mean) / std;
  Tensor divergence = 0.5 * ((keep * normalised).square() + drop.square() - 1) - drop.log();
  Tensor information = (divergence * active).mean({1, 2, 3});

  Tensor drawn_drop = conventions.clamps_noise ? drop.clamp_min(std::exp(-5.0)) : drop;
  Tensor signal = (mean + keep * (activation - mean)) * active;
  Tensor noised = signal.unsqueeze(1) + (drawn_drop * std * active).unsqueeze(1) * given.noise;
  if (conventions.rectifies_noised) noised = noised.relu();
  Tensor logits =
      cut.after({Values(network.value_count)}, noised.flatten(0, 1).permute({0, 3, 1, 2}).contiguous());
  Tensor targets = at::tensor(kTargets).repeat_interleave(3).unsqueeze(1);
  Tensor cross_entropy = -at::log_softmax(logits, 1).gather(1, targets).view({2, 3}).mean(1);
  return (cross_entropy + kBeta * information).sum().item<double>();
}

}  // namespace

TEST_CASE("the loss is the paper's, and its gradient with respect to α that of finite differences") {
  for (auto preset : {Preset::iba, Preset::paper}) {
    const Conventions& conventions = conventions_of(preset);
    CAPTURE(preset_name(preset));
    Given given;
    if (!conventions.silences_inactive) given.statistics.active.fill_(true);
    Network network = small_network();
    Cut cut(network, network.layer("relu").value);
    auto before = cut.before(given.images);
    Tensor activation = before[cut.at()];
    NoisedLayer layer(network, given.statistics, {Grid::Form::image, 0, 5, 4}, conventions,
                      SmoothingKernel::of(1));
    BottleneckLoss loss(cut, layer, activation, before);

    Tensor single = given.alpha.to(at::kFloat);
    Objective objective = objective_of(kTargets);
    auto terms = loss.forward(layer.mask(single), {given.noise.to(at::kFloat)}, objective, true);
    double sum = (terms.fit + kBeta * terms.information).sum().item<double>();
    auto expected = [&](const Tensor& alpha) { return naive_loss(given, alpha, conventions); };
    CHECK(sum == doctest::Approx(expected(given.alpha)).epsilon(1e-5));
    Tensor gradient = layer.mask_backward(single, loss.backward(std::move(terms), kBeta));
    CHECK(relative_error(gradient, finite_differences(given.alpha, expected)) < 1e-4);
  }
}

TEST_CASE("one mask for several layers has the gradient of finite differences") {
  Given given;
  given.statistics.active[0][1][2] = false;
  Network network = small_network();
  ValueId first = network.layer("relu").value, second = network.layer("last").value;
  NeuronStatistics behind{"last", normal("further mean", {5, 5, 4}),
                          normal("further std", {5, 5, 4}).abs() + 0.2, at::ones({5, 5, 4}, at::kBool)};
  Cut cut(network, first, {}, {second});
  auto before = cut.before(given.images);
  Grid grid{Grid::Form::image, 0, 5, 4};
  const Conventions& conventions = conventions_of(Preset::iba);
  NoisedLayer layer(network, given.statistics, grid, conventions, SmoothingKernel::of(0));
  NoisedLayer further(network, behind, grid, conventions, SmoothingKernel::of(0));
  BottleneckLoss loss(cut, layer, before[cut.at()], before, {}, {{further, second}});
  BottleneckLoss::Noise noise = {given.noise.to(at::kFloat),
                                 normal("further noise", {2, 3, 5, 4, 5}).to(at::kFloat)};
  Objective objective = objective_of(kTargets);
  Tensor alpha = normal("shared alpha", {2, 5, 4, 1});
  auto terms = loss.forward(layer.mask(alpha.to(at::kFloat)), noise, objective, true);
  Tensor gradient = layer.mask_backward(alpha.to(at::kFloat), loss.backward(std::move(terms), kBeta));
  Tensor expected = finite_differences(
      alpha,
      [&](const Tensor& moved) {
        auto there = loss.forward(layer.mask(moved.to(at::kFloat)), noise, objective, false);
        return (there.fit + kBeta * there.information).sum().item<double>();
      },
      1e-2);
  CHECK(relative_error(gradient, expected) < 5e-3);
}

TEST_CASE("the inverse loss mixes the other way round, and its gradient is that of finite differences") {
  Given given;
  Network network = small_network();
  Cut cut(network, network.layer("relu").value);
  auto before = cut.before(given.images);
  NoisedLayer layer(network, given.statistics, {Grid::Form::image, 0, 5, 4}, conventions_of(Preset::iba),
                    SmoothingKernel::of(1));
  BottleneckLoss loss(cut, layer, before[cut.at()], before, {.is_inverse = true});
  BottleneckLoss plain(cut, layer, before[cut.at()], before);
  BottleneckLoss::Noise noise = {given.noise.to(at::kFloat)};
  Objective objective = objective_of(kTargets);
  Tensor alpha = given.alpha;
  auto of = [&](const Tensor& moved) {
    return loss.forward(layer.mask(moved.to(at::kFloat)), noise, objective, true);
  };
  CHECK(at::allclose(of(alpha).fit,
                     plain.forward(layer.mask(-alpha.to(at::kFloat)), noise, objective, false).fit));
  Tensor gradient = layer.mask_backward(alpha.to(at::kFloat), loss.backward(of(alpha), kBeta));
  Tensor expected = finite_differences(
      alpha,
      [&](const Tensor& moved) {
        auto there = of(moved);
        return (kBeta * there.information - there.fit).sum().item<double>();
      },
      1e-2);
  CHECK(relative_error(gradient, expected) < 5e-3);
}

TEST_CASE("information alone is that of the whole loss, and needs no noise") {
  Given given;
  Network network = small_network();
  Cut cut(network, network.layer("relu").value);
  auto before = cut.before(given.images);
  NoisedLayer layer(network, given.statistics, {Grid::Form::image, 0, 5, 4}, conventions_of(Preset::iba),
                    SmoothingKernel::of(1));
  BottleneckLoss loss(cut, layer, before[cut.at()], Values(network.value_count));
  Mask mask = layer.mask(given.alpha.to(at::kFloat));
  auto alone = loss.information(mask);
  auto whole = loss.forward(mask, {given.noise.to(at::kFloat)}, objective_of(kTargets), false);
  CHECK(at::equal(alone.capacity, whole.capacity));
  CHECK(at::equal(alone.information, whole.information));
  CHECK(alone.capacity.select(3, 1).select(1, 2).select(1, 3).abs().max().item<double>() == 0);
}

}  // namespace iba::test
