#include "evaluation/sensitivity.h"

#include <ATen/CPUGeneratorImpl.h>

#include "error.h"
#include "evaluation/tiles.h"
#include "evaluation/watched.h"
#include "runtime/device.h"

namespace iba {

namespace {

/// The scores of a target, such as a class's logits, for the image as it is and for its changed versions.
struct TargetScores {
  int64_t target;
  double clean;
  Tensor changed;
};

TargetScores target_scores(const Network& network, const Tensor& image, const Target& target,
                           int64_t versions, const RowRunner::Build& build, RowSettings settings) {
  RowRunner runner(network, settings, versions + 1);
  Tensor clean = runner.logits(1, [&](int64_t, int64_t) { return image.unsqueeze(0); })[0];
  Watched watched(target, network, clean);
  return {watched.index(), watched.score(clean.unsqueeze(0)).item<double>(),
          watched.score(runner.logits(versions, build))};
}

void require_masks_of(const Tiles& tiles, const Tensor& masks) {
  if (masks.size(1) == tiles.count()) return;
  throw Error(ErrorCode::invalid_argument, "Expected masks of " + std::to_string(tiles.rows()) + "×" +
                                               std::to_string(tiles.columns()) + " tiles.");
}

}  // namespace

Tensor random_masks(int64_t tiles, int64_t chosen, int64_t count, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  Tensor masks = at::zeros({count, tiles}, at::kByte);
  for (int64_t i = 0; i < count; ++i) {
    Tensor order = at::randperm(tiles, generator, at::TensorOptions(at::kLong));
    masks[i].index_fill_(0, order.slice(0, 0, chosen), 1);
  }
  return masks;
}

Tensor relevance_in_masks(const Tensor& map, const Tensor& masks, int64_t tile) {
  Tiles tiles(map.size(0), map.size(1), tile);
  require_masks_of(tiles, masks);
  Tensor index = tiles.of_pixels().flatten();
  Tensor sums =
      at::zeros({tiles.count()}, at::kDouble).index_add_(0, index, map.flatten().to(at::kCPU, at::kDouble));
  return masks.ne(0).to(at::kDouble).mv(sums);
}

MaskedDrops masked_drops(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                         const Tensor& masks, int64_t tile, RowSettings settings) {
  Tiles tiles(image.size(1), image.size(2), tile);
  require_masks_of(tiles, masks);
  Tensor hidden = masks.ne(0);
  auto build = [&](int64_t begin, int64_t end) {
    Tensor pixels = sent_to(image.device(), tiles.spread(hidden.slice(0, begin, end)));
    return image.unsqueeze(0).masked_fill(pixels.unsqueeze(1), 0);
  };
  auto scores = target_scores(network, image, target, masks.size(0), build, settings);
  return {scores.target, scores.clean - scores.changed, relevance_in_masks(map, masks, tile)};
}

Infidelity infidelity(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                      const InfidelityNoise& noise, RowSettings settings) {
  auto generator = at::detail::createCPUGenerator(noise.seed);
  int64_t channels = noise.shared ? 1 : image.size(0);
  Tensor drawn = at::empty({noise.samples, channels, map.size(0), map.size(1)}, at::kFloat)
                     .normal_(0, noise.deviation, generator);
  auto build = [&](int64_t begin, int64_t end) {
    return image.unsqueeze(0) - sent_to(image.device(), drawn.slice(0, begin, end));
  };
  auto scores = target_scores(network, image, target, noise.samples, build, settings);
  Tensor of_pixels = drawn.mean(1, false, at::kDouble).flatten(1);
  Tensor explained = of_pixels.mv(map.flatten().to(at::kCPU, at::kDouble));
  Tensor drop = scores.clean - scores.changed;
  double square = explained.square().sum().item<double>();
  double scale = square > 0 ? explained.dot(drop).item<double>() / square : 0;
  auto error = [&](double factor) { return (explained * factor - drop).square().mean().item<double>(); };
  return {scores.target, error(1), error(scale)};
}

Tensor neighbours(const Tensor& image, double radius, int64_t count, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  auto shape = image.sizes().vec();
  shape.insert(shape.begin(), count);
  return image + sent_to(image.device(), at::empty(shape, at::kFloat).uniform_(-radius, radius, generator));
}

}  // namespace iba
