#include <numeric>

#include "attribution/registry.h"
#include "commands.h"
#include "measure.h"
#include "memory.h"
#include "network/interpreter.h"
#include "training/readout_trainer.h"

namespace iba::bench {

namespace {

constexpr int64_t kBatch = 16;

/// It has learnt nothing: how long a map takes doesn't depend on that.
Readout fresh_readout(const Network& network, const Options& options) {
  ReadoutDesign design{.place = default_readout_place(network),
                       .variant = ReadoutVariant::A,
                       .preset = Preset::iba,
                       .smoothing = SmoothingKernel::of(1),
                       .minimum_std = 0.01,
                       .seed = 0};
  auto layers = design.place.reads;
  if (std::find(layers.begin(), layers.end(), design.place.layer) == layers.end())
    layers.push_back(design.place.layer);
  Readout readout = make_readout(statistics_of(network, layers, options), design);
  readout.network = readout.network.to(options.device);
  return readout;
}

template <typename Work>
void measure(const std::string& model, const std::string& what, int64_t batch, const Options& options,
             const Work& work) {
  watch_memory(options.device);
  print_times(model, what, rounds_of(options.device, options.rounds, work), batch);
  print_result(model, what + ": peak memory", peak_megabytes(options.device), "MB");
}

void measure_training(const std::string& model, const std::string& what, const Network& network,
                      const Readout& readout, const Tensor& images, const Options& options) {
  ReadoutBatch batch{.images = images, .labels = {}, .seeds = {}};
  batch.labels.resize(static_cast<size_t>(images.size(0)));
  std::iota(batch.labels.begin(), batch.labels.end(), 0);
  batch.seeds.assign(batch.labels.begin(), batch.labels.end());
  ReadoutTrainer trainer(network, readout, {.beta = 10, .learning_rate = 1e-5});
  measure(model, what, images.size(0), options, [&] { trainer.step(batch, {}); });
}

}  // namespace

void readout(const Models& models, const Options& options) {
  auto batches = options.batches.empty() ? std::vector<int64_t>{kBatch} : options.batches;
  for (const auto& model : models) {
    Network network = make_network(model, options);
    auto readout = std::make_shared<Readout>(fresh_readout(network, options));
    for (auto precision : options.precisions) {
      Network used = use_precision(network, precision);
      PreparedMethod method(find_method("readout"), used, "", {}, {.readout = readout});
      for (int64_t batch : batches) {
        Tensor images = noise_images("image", batch, options);
        auto what = ", batch " + std::to_string(batch) + ", " + name_of(precision);
        measure(model, "forward pass" + what, batch, options, [&] { logits(used, images); });
        measure(model, "readout map" + what, batch, options, [&] { attribute(method, images); });
        measure_training(model, "readout training" + what, used, *readout, images, options);
      }
    }
  }
}

}  // namespace iba::bench
