#include "evaluation/degradation.h"

#include "commands.h"
#include "measure.h"
#include "memory.h"
#include "network/seeded_weights.h"
#include "runtime/rows.h"

namespace iba::bench {

namespace {

constexpr int64_t kTile = 8;
constexpr int64_t kPoints = 100;

}  // namespace

void degradation(const Models& models, const Options& options) {
  for (const auto& model : models) {
    Network network = make_network(model, options);
    Tensor image = noise_images("image", 1, options)[0];
    Tensor map = seeded_normal("map", 0, {options.size, options.size}, 1.0);
    Cancellation cancellation;
    RowSettings settings{kForwardRows.on(options.device), cancellation, nullptr};
    for (auto precision : options.precisions) {
      Network used = use_precision(network, precision);
      auto what = "degradation, batch 1, " + name_of(precision);
      watch_memory(options.device);
      print_times(model, what, rounds_of(options.device, options.rounds, [&] {
                    degrade(used, image, map, {}, kTile, kPoints, settings);
                  }));
      print_result(model, what + ": peak memory", peak_megabytes(options.device), "MB");
    }
  }
}

}  // namespace iba::bench
