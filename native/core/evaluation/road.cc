#include "evaluation/road.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include "error.h"
#include "evaluation/imputation.h"
#include "evaluation/numbers.h"
#include "evaluation/tiles.h"
#include "evaluation/watched.h"
#include "runtime/device.h"

namespace iba {

namespace {

/// The versions (2 · shares, C, H, W) of an image, on the CPU: for each share without the highest pixels,
/// then for each without the lowest.
Tensor imputed(const Tensor& image, const Tensor& map, const RoadSettings& removal,
               const Cancellation& cancellation) {
  const auto shares = static_cast<int64_t>(removal.shares.size());
  const Tensor values = map.flatten().to(at::kCPU);
  const Tensor turns[2] = {ranks(values, true).view_as(map), ranks(values, false).view_as(map)};
  std::vector<Tensor> missing;
  for (const Tensor& turn : turns) {
    for (double share : removal.shares) {
      // Rounded down, but for what is a whole number up to rounding.
      missing.push_back(turn < static_cast<int64_t>(share * static_cast<double>(map.numel()) + 1e-6));
    }
  }
  auto generator = at::detail::createCPUGenerator(removal.seed);
  Tensor versions = at::empty({2 * shares, image.size(0), image.size(1), image.size(2)}, at::kFloat)
                        .normal_(0, removal.noise, generator);
  at::parallel_for(0, 2 * shares, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      cancellation.check();
      versions[i].mul_(missing[i]).add_(impute(image, missing[i]));
    }
  });
  return versions;
}

}  // namespace

Road remove_and_debias(const Network& network, const Tensor& image, const Tensor& map, const Target& target,
                       const RoadSettings& removal, RowSettings settings) {
  for (double share : removal.shares) {
    if (!(share > 0 && share < 1))
      throw Error(ErrorCode::invalid_argument,
                  "Expected shares above 0 and below 1, but one is " + std::to_string(share) + ".");
  }
  const auto shares = static_cast<int64_t>(removal.shares.size());
  const Tensor versions = imputed(image.cpu(), map, removal, settings.cancellation);
  RowRunner runner(network, settings, 1 + versions.size(0));
  Tensor clean = runner.logits(1, [&](int64_t, int64_t) { return image.unsqueeze(0); });
  Tensor logits = runner.logits(versions.size(0), [&](int64_t begin, int64_t end) {
    return sent_to(image.device(), versions.slice(0, begin, end));
  });
  Road result;
  const Watched watched(target, network, clean[0]);
  result.target = watched.index();
  result.clean = watched.strength(clean).item<double>();
  auto curves = [&](const Tensor& all) {
    return ClassCurves{numbers(all.slice(0, 0, shares)), numbers(all.slice(0, shares))};
  };
  result.probability = curves(watched.strength(logits));
  if (result.target >= 0) result.kept = curves(logits.argmax(1).eq(result.target));
  return result;
}

}  // namespace iba
