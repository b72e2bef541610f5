#include "evaluation/degradation.h"

#include <cmath>

#include "evaluation/numbers.h"
#include "evaluation/replacement.h"
#include "evaluation/tiles.h"
#include "evaluation/watched.h"

namespace iba {

std::vector<int64_t> degradation_counts(int64_t tiles, int64_t points) {
  std::vector<int64_t> counts{0};
  for (int64_t i = 0; i < points; ++i) {
    double share = static_cast<double>(i) / static_cast<double>(points - 1);
    auto step = static_cast<int64_t>(std::nearbyint(share * static_cast<double>(tiles)));
    if (step < tiles && step + 1 > counts.back()) counts.push_back(step + 1);
  }
  if (counts.back() < tiles) counts.push_back(tiles);
  return counts;
}

Degradation degrade(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                    int64_t tile, int64_t points, RowSettings settings) {
  Tiles tiles(image.size(1), image.size(2), tile);
  Tensor scores = tiles.means(map);
  Tensor degraded = image.mean({1, 2}, true).expand_as(image);
  auto counts = degradation_counts(tiles.count(), points);
  auto replacement = [&](bool highest_first, std::vector<int64_t> versions) {
    Tensor order = tiles.spread(ranks(scores, highest_first)).to(image.device());
    return Replacement{image, degraded, order, std::move(versions)};
  };
  // Both curves begin and end with the same image.
  Replacement first = replacement(true, counts);
  Replacement last = replacement(false, {counts.begin() + 1, counts.end() - 1});

  RowRunner runner(network, settings, first.versions() + last.versions());
  auto run = [&](const Replacement& versions) {
    return runner.logits(versions.versions(), [&](int64_t b, int64_t e) { return versions.images(b, e); });
  };
  Tensor descending = run(first);
  Tensor ends[2] = {descending.slice(0, 0, 1), descending.slice(0, -1)};
  Tensor ascending =
      last.versions() > 0 ? at::cat({ends[0], run(last), ends[1]}) : at::cat({ends[0], ends[1]});

  Degradation result;
  result.shares = first.shares(tiles.count());
  Watched watched(target, network, descending[0]);
  auto curves = [&](const Watched& of) {
    return ClassCurves{numbers(of.strength(descending)), numbers(of.strength(ascending))};
  };
  result.target = watched.index();
  result.of_target = curves(watched);
  // An embedding predicts none.
  const bool predicts = network.outputs == OutputKind::classes || network.outputs == OutputKind::labels;
  Watched top1 = predicts ? Watched({}, network, descending[0]) : watched;
  result.top1 = top1.index();
  result.of_top1 = curves(top1);
  return result;
}

}  // namespace iba
