#include "attribution/mask_optimisation.h"

#include <algorithm>
#include <cmath>

#include "runtime/late_flag.h"

namespace iba {

int64_t MaskOptimisation::images_for(int64_t rows) const {
  return std::max<int64_t>(1, rows / settings_.copies);
}

Tensor MaskOptimisation::initial_alpha(const NoisedLayer& layer, int64_t images) const {
  if (settings_.is_proximal) return layer.filled(images, kProximalAlpha);
  return settings_.shares_channels ? layer.filled_places(images, settings_.initial_alpha)
                                   : layer.filled(images, settings_.initial_alpha);
}

std::unique_ptr<MaskSolver> MaskOptimisation::solver_for(const NoisedLayer& layer, const BottleneckLoss& loss,
                                                         Tensor alpha) const {
  if (settings_.is_proximal)
    return std::make_unique<ProximalSolver>(layer, loss, alpha, settings_.beta, settings_.tolerance);
  return std::make_unique<AdamSolver>(layer, std::move(alpha), settings_.beta, settings_.learning_rate);
}

std::vector<NoiseStream> MaskOptimisation::streams_of(const std::vector<uint64_t>& seeds) const {
  std::vector<NoiseStream> streams;
  for (uint64_t seed : seeds) streams.emplace_back(seed, network_.device());
  return streams;
}

/// So many copies of noise for each layer. Pairs of opposite noise agree in what is linear in it.
BottleneckLoss::Noise MaskOptimisation::draw(const Layers& layers, std::vector<NoiseStream>& streams,
                                             int64_t copies) const {
  auto draw_for = [&](const NoisedLayer& layer) {
    if (!settings_.pairs_noise) return layer.draw_noise(streams, copies);
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
                                     Steps& steps, MaskSolver& solver, bool moves_last, ToldSteps& told,
                                     OnStep on_step) const {
  std::vector<Target> targets;
  for (auto& attribution : attributions) {
    targets.push_back(attribution.target);
    attribution.series = {{"loss", {}}, {"crossEntropy", {}}, {"information", {}}};
  }
  Objective objective(targets, network_.classes, network_.device());
  int64_t drawn = 0;
  auto draw_next = [&] {
    ++drawn;
    return draw(layers, streams, settings_.adapts_copies ? copies_of(drawn) : settings_.copies);
  };
  NoiseAhead noise(draw_next, settings_.steps, network_.device());
  std::vector<Tensor> losses, taken;  // of each step; a device keeps them
  LateFlag rests;
  for (int64_t step = 1; step <= settings_.steps; ++step) {
    steps.check();
    const bool moves = moves_last || step < settings_.steps;
    auto terms = loss.forward(solver.mask(), noise.next(), objective, moves);
    losses.push_back(at::stack({terms.fit, terms.information}, 1));
    taken.push_back(solver.moving().defined() ? solver.moving()
                                              : at::ones_like(terms.fit, at::TensorOptions(at::kBool)));
    Tensor capacity = terms.capacity;
    if (moves) solver.step(loss, std::move(terms));
    told.add(losses.back(), taken.back(), on_step(std::move(capacity)));
    const bool is_done =
        moves && solver.moving().defined() && rests.exchange(solver.moving().any().logical_not());
    steps.finish();
    if (!is_done) continue;
    for (int64_t spared = step; spared < settings_.steps; ++spared) steps.finish();
    break;
  }
  told.end();
  add_losses(at::stack(losses).cpu(), at::stack(taken).sum(0).cpu(), attributions);
}

void MaskOptimisation::run(const BottleneckLoss& loss, const Layers& layers,
                           const std::vector<uint64_t>& seeds, std::array<int64_t, 2> image_size,
                           std::span<Attribution> attributions, Steps& steps, StepAudience audience,
                           Tensor alpha) const {
  const Grid& grid = layers.first.grid();
  if (!alpha.defined()) alpha = initial_alpha(layers.first, static_cast<int64_t>(attributions.size()));
  auto solver = solver_for(layers.first, loss, std::move(alpha));
  Tensor capacity;  // of the last pass, or after the last step
  // Only what belongs to a place of the image is in the map. It is drawn of the sum over the channels.
  auto summed = [&](int64_t i) { return grid.places(capacity)[i].permute({2, 0, 1}).sum(0, true); };
  auto map_of = [&](const Tensor& sum) { return settings_.conventions->map(sum, image_size); };
  ToldSteps told(audience, attributions, settings_, settings_.conventions->unit, map_of);
  std::vector<Tensor> sums;  // of each step (B, 1, h, w); a device keeps them
  auto keep = [&](Tensor of_pass) {
    capacity = std::move(of_pass);
    if (!settings_.keeps_steps && !told.want_maps()) return Tensor();
    if (settings_.is_proximal) capacity = loss.information(solver->mask()).capacity;
    std::vector<Tensor> of_images;
    for (int64_t i = 0; i < capacity.size(0); ++i) of_images.push_back(summed(i));
    Tensor sum = at::stack(of_images);
    if (settings_.keeps_steps) sums.push_back(sum);
    return told.want_maps() ? sum : Tensor();
  };
  pass_and_step(loss, layers, streams_of(seeds), attributions, steps, *solver, settings_.is_proximal, told,
                keep);
  if (settings_.is_proximal) capacity = loss.information(solver->mask()).capacity;
  Tensor activations = settings_.keeps_capacity ? grid.from_pixels(capacity).cpu() : Tensor();
  Tensor of_steps = settings_.keeps_steps ? at::stack(sums, 1).cpu() : Tensor();
  for (size_t i = 0; i < attributions.size(); ++i) {
    const auto image = static_cast<int64_t>(i);
    auto& attribution = attributions[i];
    attribution.map = map_of(summed(image));
    if (settings_.keeps_capacity)
      attribution.tensors.emplace_back("capacity", activations[image].contiguous());
    if (!settings_.keeps_steps) continue;
    std::vector<Tensor> maps;
    for (size_t step = 0; step < attribution.series[0].second.size(); ++step)
      maps.push_back(map_of(of_steps[image][static_cast<int64_t>(step)]));
    attribution.tensors.emplace_back("stepMaps", at::stack(maps));
  }
  if (settings_.loss_copies > 0) estimate_loss(loss, layers, solver->mask(), seeds, attributions);
}

Tensor MaskOptimisation::mask_after(const BottleneckLoss& loss, const Layers& layers,
                                    const std::vector<uint64_t>& seeds, std::span<Attribution> attributions,
                                    Steps& steps, StepAudience audience) const {
  auto images = static_cast<int64_t>(attributions.size());
  AdamSolver solver(layers.first, initial_alpha(layers.first, images), settings_.beta,
                    settings_.learning_rate);
  auto mask = [&] { return at::sigmoid(solver.alpha()); };
  ToldSteps told(audience, attributions, settings_, "relative", [](const Tensor& map) { return map; });
  auto draw = [&](const Tensor&) { return told.want_maps() ? mask().mean(-1) : Tensor(); };
  pass_and_step(loss, layers, streams_of(seeds), attributions, steps, solver, true, told, draw);
  return mask();
}

/// What the masks cost for noise that none of them was made with. Adam's last step isn't taken, so that the
/// solver's mask is the map's with both.
void MaskOptimisation::estimate_loss(const BottleneckLoss& loss, const Layers& layers, const Mask& mask,
                                     const std::vector<uint64_t>& seeds,
                                     std::span<Attribution> attributions) const {
  std::vector<uint64_t> others;
  for (uint64_t seed : seeds) others.push_back(~seed);
  auto streams = streams_of(others);
  std::vector<Target> targets;
  for (auto& attribution : attributions) targets.push_back(attribution.target);
  Objective objective(targets, network_.classes, network_.device());
  std::vector<Tensor> fits;
  Tensor information;
  for (int64_t drawn = 0; drawn < settings_.loss_copies; drawn += settings_.copies) {
    const int64_t copies = std::min(settings_.copies, settings_.loss_copies - drawn);
    auto terms = loss.forward(mask, draw(layers, streams, copies), objective, false);
    fits.push_back(terms.fit * (static_cast<double>(copies) / static_cast<double>(settings_.loss_copies)));
    information = terms.information;
  }
  Tensor found = at::stack({at::stack(fits).sum(0), information}, 1).cpu();
  for (size_t i = 0; i < attributions.size(); ++i) {
    auto numbers = found.accessor<double, 2>()[static_cast<int64_t>(i)];
    auto& checks = attributions[i].checks;
    checks.emplace_back("loss", settings_.loss_of(numbers[0], numbers[1]));
    checks.emplace_back("crossEntropy", numbers[0]);
    checks.emplace_back("information", numbers[1]);
  }
}

/// L_F and L_I (steps, B, 2) as series, of as many steps as each image took (B).
void MaskOptimisation::add_losses(const Tensor& losses, const Tensor& taken,
                                  std::span<Attribution> attributions) const {
  auto found = losses.accessor<double, 3>();
  auto steps = taken.accessor<int64_t, 1>();
  for (int64_t i = 0; i < losses.size(1); ++i) {
    auto& series = attributions[static_cast<size_t>(i)].series;
    for (int64_t step = 0; step < steps[i]; ++step) {
      double fit = found[step][i][0], information = found[step][i][1];
      series[0].second.push_back(settings_.loss_of(fit, information));
      series[1].second.push_back(fit);
      series[2].second.push_back(information);
    }
  }
}

}  // namespace iba
