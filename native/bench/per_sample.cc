#include "commands.h"
#include "measure.h"

namespace iba::bench {

void per_sample(const Models& models, const Options& options) {
  for (const auto& model : models) {
    Workload workload = make_workload(model, options);
    PreparedMethod method = make_per_sample(workload, options);
    auto seconds = rounds_of(options.device, options.rounds, [&] { attribute(method, workload.images); });
    auto per_map = [&](double whole) { return whole / static_cast<double>(options.batch); };
    print_result(model, "per map: median", per_map(median(seconds)), "s");
    print_result(model, "per map: fastest", per_map(*std::min_element(seconds.begin(), seconds.end())), "s");
    print_result(model, "per map: slowest", per_map(*std::max_element(seconds.begin(), seconds.end())), "s");
  }
}

}  // namespace iba::bench
