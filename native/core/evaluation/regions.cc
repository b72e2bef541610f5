#include "evaluation/regions.h"

#include <algorithm>
#include <numeric>

#include "evaluation/numbers.h"
#include "evaluation/replacement.h"
#include "evaluation/tiles.h"
#include "evaluation/watched.h"

namespace iba {

namespace {

/// The mean of the map in each of so many regions, double.
Tensor means_of(const Tensor& map, const Tensor& region, int64_t count) {
  Tensor values = map.flatten().to(at::kCPU, at::kDouble);
  Tensor sums = at::zeros({count}, at::kDouble).index_add_(0, region, values);
  return sums / at::bincount(region, {}, count);
}

}  // namespace

RegionCurves replace_regions(const Network& network, const Tensor& image, const Tensor& map,
                             const Tensor& labels, const Target& target, const RegionReplacement& replacement,
                             RowSettings settings) {
  // Labels needn't be consecutive.
  auto [names, region] = at::_unique(labels.flatten(), /*sorted=*/true, /*return_inverse=*/true);
  RegionCurves result;
  result.regions = names.numel();
  Tensor means = means_of(map, region, result.regions);
  Tensor replaced = make_baseline(replacement.baseline, image, replacement.options);
  std::vector<int64_t> counts(std::min(replacement.most, result.regions) + 1);
  std::iota(counts.begin(), counts.end(), 0);

  RowRunner runner(network, settings, static_cast<int64_t>(counts.size()) * (replacement.both_ends ? 2 : 1));
  auto run = [&](bool highest_first) {
    Tensor turns = ranks(means, highest_first).index_select(0, region).view_as(map);
    Replacement versions{image, replaced, turns.to(image.device()), counts};
    result.shares = versions.shares(result.regions);
    return runner.logits(versions.versions(), [&](int64_t b, int64_t e) { return versions.images(b, e); });
  };
  Tensor descending = run(true);
  Watched watched(target, network, descending[0]);
  result.target = watched.index();
  result.probability.most_relevant_first = numbers(watched.strength(descending));
  if (replacement.both_ends) result.probability.least_relevant_first = numbers(watched.strength(run(false)));
  return result;
}

}  // namespace iba
