#include "commands.h"
#include "measure.h"
#include "memory.h"

namespace iba::bench {

void per_sample(const Models& models, const Options& options) {
  auto batches = options.batches.empty() ? std::vector<int64_t>{1} : options.batches;
  for (const auto& model : models) {
    Workload workload = make_workload(model, options, *std::max_element(batches.begin(), batches.end()));
    for (auto precision : options.precisions) {
      Workload used{use_precision(workload.network, precision), workload.statistics, workload.images};
      PreparedMethod method = make_per_sample(used, options);
      for (int64_t batch : batches) {
        Tensor images = workload.images.slice(0, 0, batch);
        watch_memory(options.device);
        auto seconds = rounds_of(options.device, options.rounds, [&] { attribute(method, images); });
        auto what = "map, batch " + std::to_string(batch) + ", " + name_of(precision);
        print_times(model, what, seconds, batch);
        print_result(model, what + ": peak memory", peak_megabytes(options.device), "MB");
      }
    }
  }
}

}  // namespace iba::bench
