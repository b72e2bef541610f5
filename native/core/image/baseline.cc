#include "image/baseline.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "error.h"
#include "io/text.h"
#include "runtime/device.h"

namespace iba {

namespace {

constexpr double kBlurReach = 3;  // deviations on each side

at::Tensor per_channel(const at::Tensor& values, const at::Tensor& image) {
  return values.view({-1, 1, 1}).expand_as(image).contiguous();
}

at::Tensor uniform(const at::Tensor& image, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  at::Tensor shares = at::rand(image.sizes(), generator, at::kFloat).to(image.scalar_type());
  at::Tensor drawn = sent_to(image.device(), shares);
  at::Tensor low = image.amin({1, 2}, true), high = image.amax({1, 2}, true);
  return low + drawn * (high - low);
}

/// A separable Gaussian; beyond the border the nearest pixel counts.
at::Tensor blur(const at::Tensor& image, double sigma) {
  if (sigma <= 0) return image.clone();
  auto reach = static_cast<int64_t>(std::ceil(kBlurReach * sigma));
  at::Tensor taps = at::arange(-reach, reach + 1, image.options());
  taps = at::exp(-taps.square() / (2 * sigma * sigma));
  taps = taps / taps.sum();
  at::Tensor rows = at::replication_pad2d(image.unsqueeze(1), {reach, reach, reach, reach});
  rows = at::conv2d(rows, taps.view({1, 1, -1, 1}));
  return at::conv2d(rows, taps.view({1, 1, 1, -1})).squeeze(1);
}

at::Tensor tile_mean(const at::Tensor& image, int64_t tile) {
  at::Tensor means = at::empty_like(image);
  for (int64_t y = 0; y < image.size(1); y += tile) {
    for (int64_t x = 0; x < image.size(2); x += tile) {
      auto part = [&](const at::Tensor& of) { return of.slice(1, y, y + tile).slice(2, x, x + tile); };
      part(means).copy_(part(image).mean({1, 2}, true).expand_as(part(image)));
    }
  }
  return means;
}

at::Tensor permutation(int64_t count, uint64_t seed, const at::Tensor& like) {
  auto generator = at::detail::createCPUGenerator(seed);
  return sent_to(like.device(), at::randperm(count, generator, at::kLong));
}

at::Tensor shuffle_pixels(const at::Tensor& image, uint64_t seed) {
  at::Tensor order = permutation(image.size(1) * image.size(2), seed, image);
  return image.flatten(1).index_select(1, order).view_as(image);
}

at::Tensor shuffle_tiles(const at::Tensor& image, int64_t tile, uint64_t seed) {
  int64_t rows = image.size(1) / tile, columns = image.size(2) / tile;
  at::Tensor shuffled = image.clone();
  if (rows * columns == 0) return shuffled;
  at::Tensor inside = shuffled.slice(1, 0, rows * tile).slice(2, 0, columns * tile);
  at::Tensor tiles = inside.reshape({-1, rows, tile, columns, tile}).permute({1, 3, 0, 2, 4}).flatten(0, 1);
  tiles = tiles.index_select(0, permutation(rows * columns, seed, image));
  inside.copy_(tiles.unflatten(0, {rows, columns}).permute({2, 0, 3, 1, 4}).reshape(inside.sizes()));
  return shuffled;
}

}  // namespace

const std::vector<std::string>& baseline_names() {
  static const std::vector<std::string> names = {"mean",          "zero", "uniform",   "minimum",
                                                 "maximum",       "blur", "tile-mean", "shuffled-pixels",
                                                 "shuffled-tiles"};
  return names;
}

Baseline baseline_named(const std::string& name) {
  const auto& names = baseline_names();
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw Error(ErrorCode::invalid_argument, "There is no baseline '" + name + "'.");
  return static_cast<Baseline>(found - names.begin());
}

at::Tensor make_baseline(Baseline baseline, const at::Tensor& image, const BaselineOptions& options) {
  switch (baseline) {
    case Baseline::mean:
      return per_channel(image.mean({1, 2}), image);
    case Baseline::zero:
      return at::zeros_like(image);
    case Baseline::uniform:
      return uniform(image, options.seed);
    case Baseline::minimum:
      return per_channel(image.amin({1, 2}), image);
    case Baseline::maximum:
      return per_channel(image.amax({1, 2}), image);
    case Baseline::blur:
      return blur(image, options.sigma);
    case Baseline::tile_mean:
      return tile_mean(image, options.tile);
    case Baseline::shuffled_pixels:
      return shuffle_pixels(image, options.seed);
    case Baseline::shuffled_tiles:
      return shuffle_tiles(image, options.tile, options.seed);
  }
  throw Error(ErrorCode::invalid_argument, "An unknown baseline.");
}

void require_baselines_of(const at::Tensor& set, at::IntArrayRef image) {
  if (set.sizes().slice(1) == image) return;
  throw Error(ErrorCode::invalid_argument, "Expected baselines of the explained image's shape " +
                                               io::shape_text(image) + ", but received " +
                                               io::shape_text(set.sizes().slice(1)) +
                                               ". Resize and crop them as the image.");
}

}  // namespace iba
