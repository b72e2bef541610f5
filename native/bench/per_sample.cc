#include <algorithm>

#include "commands.h"
#include "measure.h"
#include "memory.h"

namespace iba::bench {

namespace {

/// Images whose maps are compared between precisions, at most.
constexpr int64_t kCompared = 16;

/// The lowest correlation of two maps of the same image, and the largest distance relative to the expected.
struct Fidelity {
  double correlation = 1;
  double distance = 0;
};

/// Of maps (N, H, W).
Fidelity fidelity_of(const Tensor& maps, const Tensor& expected) {
  Fidelity fidelity;
  for (int64_t i = 0; i < maps.size(0); ++i) {
    const Tensor found = maps[i].flatten().to(at::kDouble), wanted = expected[i].flatten().to(at::kDouble);
    const double correlation = at::corrcoef(at::stack({found, wanted}))[0][1].item<double>();
    const double distance = ((found - wanted).norm() / wanted.norm()).item<double>();
    fidelity = {std::min(fidelity.correlation, correlation), std::max(fidelity.distance, distance)};
  }
  return fidelity;
}

Tensor maps_of(const PreparedMethod& method, const Tensor& images) {
  std::vector<Tensor> maps;
  for (const auto& found : attribute(method, images)) maps.push_back(found.map);
  return at::stack(maps);
}

}  // namespace

void per_sample(const Models& models, const Options& options) {
  auto batches = options.batches.empty() ? std::vector<int64_t>{1} : options.batches;
  for (const auto& model : models) {
    Workload workload = make_workload(model, options, *std::max_element(batches.begin(), batches.end()));
    const Tensor compared = workload.images.slice(0, 0, kCompared);
    Tensor expected;
    for (auto precision : options.precisions) {
      Workload used{use_precision(workload.network, precision), workload.statistics, workload.images};
      PreparedMethod method = make_per_sample(used, options);
      const auto in_precision = ", " + name_of(precision);
      for (int64_t batch : batches) {
        Tensor images = workload.images.slice(0, 0, batch);
        watch_memory(options.device);
        auto seconds = rounds_of(options.device, options.rounds, [&] { attribute(method, images); });
        auto what = "map, batch " + std::to_string(batch) + in_precision;
        print_times(model, what, seconds, batch);
        print_result(model, what + ": peak memory", peak_megabytes(options.device), "MB");
      }
      const Tensor maps = maps_of(method, compared);
      if (!expected.defined()) {
        expected = maps;
        continue;
      }
      const auto [correlation, distance] = fidelity_of(maps, expected);
      const auto what = "map" + in_precision + " against " + name_of(options.precisions.front());
      print_result(model, what + ": lowest Pearson", correlation, "");
      print_result(model, what + ": largest L2", distance, "");
    }
  }
}

}  // namespace iba::bench
