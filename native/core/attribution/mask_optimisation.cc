#include "attribution/mask_optimisation.h"

#include <algorithm>
#include <cmath>

namespace iba {

int64_t MaskOptimisation::images_for(int64_t rows) const {
  return std::max<int64_t>(1, rows / settings_.copies);
}

Tensor MaskOptimisation::initial_alpha(const NoisedLayer& layer, int64_t images) const {
  return settings_.shares_channels ? layer.filled_places(images, settings_.initial_alpha)
                                   : layer.filled(images, settings_.initial_alpha);
}

std::unique_ptr<MaskSolver> MaskOptimisation::solver_for(const NoisedLayer& layer, const BottleneckLoss& loss,
                                                         int64_t images) const {
  if (settings_.is_proximal) return std::make_unique<ProximalSolver>(layer, loss, images, settings_.beta);
  return std::make_unique<AdamSolver>(layer, initial_alpha(layer, images), settings_.beta,
                                      settings_.learning_rate);
}

/// The noise of a step, of each layer. Pairs of opposite noise agree in what is linear in it.
BottleneckLoss::Noise MaskOptimisation::draw(const Layers& layers, std::vector<NoiseStream>& streams,
                                             int64_t step) const {
  const bool in_pairs = settings_.is_proximal || settings_.adapts_copies;
  const int64_t copies =
      settings_.adapts_copies && !settings_.is_proximal ? copies_of(step) : settings_.copies;
  auto draw_for = [&](const NoisedLayer& layer) {
    if (!in_pairs) return layer.draw_noise(streams, copies);
    Tensor half = layer.draw_noise(streams, (copies + 1) / 2);
    return at::cat({half, -half}, 1).narrow(1, 0, copies);
  };
  BottleneckLoss::Noise noise = {draw_for(layers.first)};
  for (const auto* layer : layers.further) noise.push_back(draw_for(*layer));
  return noise;
}

/// How many copies a step of Adam has where they are adapted: as many pairs as the root of the noise's
/// share asks for, of a mask whose α fell by the learning rate in each step. As long as the mask lets
/// nearly everything pass, all copies are nearly the same. It is the same for all images, so that none
/// depends on another of its batch.
int64_t MaskOptimisation::copies_of(int64_t step) const {
  const double alpha = settings_.initial_alpha - settings_.learning_rate * static_cast<double>(step - 1);
  const double open = 1 / (1 + std::exp(-alpha));
  const double share = settings_.is_inverse ? open : 1 - open;
  const double pairs = std::round(static_cast<double>(settings_.copies) / 2 * std::sqrt(share));
  return std::min(settings_.copies, 2 * std::max<int64_t>(1, static_cast<int64_t>(pairs)));
}

template <typename OnStep>
void MaskOptimisation::pass_and_step(const BottleneckLoss& loss, const Layers& layers,
                                     std::vector<NoiseStream> streams, std::span<Attribution> attributions,
                                     Steps& steps, MaskSolver& solver, bool moves_last,
                                     OnStep on_step) const {
  std::vector<Target> targets;
  for (auto& attribution : attributions) {
    targets.push_back(attribution.target);
    attribution.series = {{"loss", {}}, {"crossEntropy", {}}, {"information", {}}};
  }
  Objective objective(targets, network_.classes, network_.device());
  int64_t drawn = 0;
  NoiseAhead noise([&] { return draw(layers, streams, ++drawn); }, settings_.steps, network_.device());
  std::vector<Tensor> losses;  // of each step; a device keeps them
  for (int64_t step = 1; step <= settings_.steps; ++step) {
    steps.check();
    const bool moves = moves_last || step < settings_.steps;
    auto terms = loss.forward(solver.mask(), noise.next(), objective, moves);
    losses.push_back(at::stack({terms.fit, terms.information}, 1));
    Tensor capacity = terms.capacity;
    if (moves) solver.step(loss, std::move(terms));
    on_step(step, std::move(capacity));
    steps.finish();
  }
  add_losses(at::stack(losses).cpu(), attributions);
}

void MaskOptimisation::run(const BottleneckLoss& loss, const Layers& layers, std::vector<NoiseStream> streams,
                           std::array<int64_t, 2> image_size, std::span<Attribution> attributions,
                           Steps& steps) const {
  const Grid& grid = layers.first.grid();
  std::vector<std::vector<Tensor>> maps(attributions.size());  // of each step that is kept
  auto solver = solver_for(layers.first, loss, static_cast<int64_t>(attributions.size()));
  auto keep = [&](int64_t step, Tensor capacity) {
    const bool is_last = step == settings_.steps;
    if (!is_last && !settings_.keeps_steps) return;
    if (settings_.is_proximal) capacity = loss.information(solver->mask()).capacity;
    // Only what belongs to a place of the image is in the map.
    Tensor places = grid.places(capacity);
    for (size_t i = 0; i < maps.size(); ++i) {
      Tensor of_image = places[static_cast<int64_t>(i)].permute({2, 0, 1});
      maps[i].push_back(settings_.conventions->map(of_image, image_size));
    }
    if (!is_last || !settings_.keeps_capacity) return;
    Tensor activations = grid.from_pixels(capacity);
    for (size_t i = 0; i < maps.size(); ++i) {
      attributions[i].tensors.emplace_back("capacity",
                                           activations[static_cast<int64_t>(i)].cpu().contiguous());
    }
  };
  pass_and_step(loss, layers, std::move(streams), attributions, steps, *solver, settings_.is_proximal, keep);
  for (size_t i = 0; i < maps.size(); ++i) {
    attributions[i].map = maps[i].back();
    if (settings_.keeps_steps) attributions[i].tensors.emplace_back("stepMaps", at::stack(maps[i]));
  }
}

Tensor MaskOptimisation::mask_after(const BottleneckLoss& loss, const Layers& layers,
                                    std::vector<NoiseStream> streams, std::span<Attribution> attributions,
                                    Steps& steps) const {
  auto images = static_cast<int64_t>(attributions.size());
  AdamSolver solver(layers.first, initial_alpha(layers.first, images), settings_.beta,
                    settings_.learning_rate);
  pass_and_step(loss, layers, std::move(streams), attributions, steps, solver, true, [](int64_t, Tensor) {});
  return at::sigmoid(solver.alpha());
}

/// L_F and L_I (steps, B, 2), as series.
void MaskOptimisation::add_losses(const Tensor& losses, std::span<Attribution> attributions) const {
  const double sign = settings_.is_inverse ? -1 : 1;
  auto found = losses.accessor<double, 3>();
  for (int64_t step = 0; step < losses.size(0); ++step) {
    for (int64_t i = 0; i < losses.size(1); ++i) {
      double fit = found[step][i][0], information = found[step][i][1];
      auto& series = attributions[static_cast<size_t>(i)].series;
      series[0].second.push_back(sign * fit + settings_.beta * information);
      series[1].second.push_back(fit);
      series[2].second.push_back(information);
    }
  }
}

}  // namespace iba
