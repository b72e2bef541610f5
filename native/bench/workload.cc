#include "workload.h"

#include "attribution/registry.h"
#include "import/load.h"
#include "network/seeded_weights.h"

namespace iba::bench {

namespace {

constexpr int64_t kEstimationImages = 16;

Tensor noise_images(const std::string& name, int64_t count, at::Device device) {
  return seeded_normal(name, 0, {count, 3, 224, 224}, 1.0).to(device);
}

}  // namespace

Workload make_workload(const std::string& model, const Options& options) {
  LoadOptions load;
  load.architecture = model;
  Workload workload;
  workload.network = load_network(load);
  workload.network.to(options.device);
  auto statistics = make_statistics(workload.network, "", Preset::iba, {workload.network.bottleneck_layer});
  update_statistics(statistics, workload.network,
                    noise_images("estimation", kEstimationImages, options.device),
                    std::vector<std::string>(kEstimationImages, "noise"));
  workload.statistics = std::make_shared<ModelStatistics>(std::move(statistics));
  workload.images = noise_images("image", options.batch, options.device);
  return workload;
}

PreparedMethod make_per_sample(const Workload& workload, const Options& options) {
  std::map<std::string, OptionValue> given = {{"steps", static_cast<double>(options.steps)},
                                              {"copies", static_cast<double>(options.copies)}};
  return {find_method("per-sample"), workload.network, "", given, {.statistics = workload.statistics}};
}

void attribute(const PreparedMethod& method, const Tensor& images) {
  method.attribute(images, std::vector<Request>(images.size(0)), {}, nullptr);
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
