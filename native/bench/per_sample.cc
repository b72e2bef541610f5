#include <algorithm>

#include "commands.h"
#include "measure.h"
#include "memory.h"

namespace iba::bench {

namespace {

/// Images whose maps are compared between precisions, at most.
constexpr int64_t kCompared = 16;

/// The lowest correlation of two maps of the same image, and the largest distance relative to the expected.
/// NaN where one of either is.
struct Fidelity {
  double correlation;
  double distance;
};

/// Of maps (N, H, W).
Fidelity fidelity_of(const Tensor& maps, const Tensor& expected) {
  std::vector<Tensor> correlations, distances;
  for (int64_t i = 0; i < maps.size(0); ++i) {
    const Tensor found = maps[i].flatten().to(at::kDouble), wanted = expected[i].flatten().to(at::kDouble);
    correlations.push_back(at::corrcoef(at::stack({found, wanted}))[0][1]);
    distances.push_back((found - wanted).norm() / wanted.norm());
  }
  return {at::stack(correlations).min().item<double>(), at::stack(distances).max().item<double>()};
}

Tensor maps_of(const PreparedMethod& method, const Tensor& images) {
  std::vector<Tensor> maps;
  for (const auto& found : attribute(method, images)) maps.push_back(found.map);
  return at::stack(maps);
}

void print_fidelity(const std::string& model, const std::string& compared, const Fidelity& fidelity) {
  print_result(model, compared + ": lowest Pearson", fidelity.correlation, "");
  print_result(model, compared + ": largest L2", fidelity.distance, "");
}

/// The seconds for each of the images, explained together, and the memory.
void measure_batch(const std::string& model, const std::string& what, const PreparedMethod& method,
                   const Tensor& images, const Options& options) {
  watch_memory(options.device);
  auto seconds = rounds_of(options.device, options.rounds, [&] { attribute(method, images); });
  print_times(model, what, seconds, images.size(0));
  print_result(model, what + ": peak memory", peak_megabytes(options.device), "MB");
}

}  // namespace

void per_sample(const Models& models, const Options& options) {
  auto batches = options.batches.empty() ? std::vector<int64_t>{1} : options.batches;
  for (const auto& model : models) {
    Workload workload = make_workload(model, options, *std::max_element(batches.begin(), batches.end()));
    Tensor expected;  // maps in the first precision
    for (auto precision : options.precisions) {
      Workload used{use_precision(workload.network, precision), workload.statistics, workload.images};
      PreparedMethod method = make_per_sample(used, options);
      for (int64_t batch : batches) {
        auto what = "map, batch " + std::to_string(batch) + ", " + name_of(precision);
        measure_batch(model, what, method, workload.images.slice(0, 0, batch), options);
      }
      if (options.precisions.size() == 1) continue;
      const Tensor maps = maps_of(method, workload.images.slice(0, 0, kCompared));
      if (expected.defined()) {
        const auto compared =
            "map, " + name_of(precision) + " against " + name_of(options.precisions.front());
        print_fidelity(model, compared, fidelity_of(maps, expected));
      } else {
        expected = maps;
      }
    }
  }
}

}  // namespace iba::bench
