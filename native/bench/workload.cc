#include "workload.h"

#include "attribution/registry.h"
#include "import/load.h"
#include "network/seeded_weights.h"

namespace iba::bench {

namespace {

constexpr int64_t kEstimationImages = 16;

}  // namespace

Network make_network(const std::string& model, const Options& options) {
  LoadOptions load;
  load.architecture = model;
  Network network = load_network(load);
  network.to(options.device);
  return network;
}

Tensor noise_images(const std::string& name, int64_t count, const Options& options) {
  return seeded_normal(name, 0, {count, 3, options.size, options.size}, 1.0).to(options.device);
}

ModelStatistics statistics_of(const Network& network, const std::vector<std::string>& layers,
                              const Options& options) {
  auto statistics = make_statistics(network, "", Preset::iba, layers);
  update_statistics(statistics, network, noise_images("estimation", kEstimationImages, options),
                    std::vector<std::string>(kEstimationImages, "noise"));
  return statistics;
}

Workload make_workload(const std::string& model, const Options& options, int64_t count) {
  Workload workload;
  workload.network = make_network(model, options);
  workload.statistics = std::make_shared<ModelStatistics>(
      statistics_of(workload.network, {workload.network.bottleneck_layer}, options));
  workload.images = noise_images("image", count, options);
  return workload;
}

PreparedMethod make_per_sample(const Workload& workload, const Options& options) {
  std::map<std::string, OptionValue> given = {{"steps", static_cast<double>(options.steps)},
                                              {"copies", static_cast<double>(options.copies)}};
  return {find_method("per-sample"), workload.network, "", given, {.statistics = workload.statistics}};
}

std::vector<Attribution> attribute(const PreparedMethod& method, const Tensor& images) {
  return method.attribute(images, std::vector<Request>(images.size(0)), {}, nullptr);
}

NoisedPass::NoisedPass(const Workload& workload, int64_t copies)
    : cut_(workload.network, workload.network.layer(workload.network.bottleneck_layer).value) {
  Values values = cut_.before(workload.images.slice(0, 0, 1));
  Tensor activation = values[cut_.at()];
  auto indices = at::TensorOptions(activation.device()).dtype(at::kLong);
  skipping_ = cut_.select(values, at::zeros({copies}, indices));
  Tensor expanded = activation.expand({copies, -1, -1, -1});
  rows_ = (expanded + at::randn_like(expanded)).contiguous(at::MemoryFormat::ChannelsLast);
  logit_gradient_ = at::randn({copies, workload.network.classes}, activation.options());
}

void NoisedPass::forward() {
  cut_.after(skipping_, rows_, &tape_);
}

void NoisedPass::backward() {
  cut_.backward(tape_, logit_gradient_);
}

}  // namespace iba::bench
