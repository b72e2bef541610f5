#include "attribution/bottleneck_layers.h"

#include <algorithm>

#include "io/text.h"
#include "network/block_layers.h"

namespace iba {

OptionSpec minimum_std_option() {
  return number_option("minimumStd", "floor of the standard deviation in the iba preset", 0.01, kSmallestStd);
}

NeuronStatistics statistics_of(const MethodContext& context, const std::string& layer,
                               const Conventions& conventions) {
  return NeuronStatistics::of(context.resources.statistics->layer(layer), conventions,
                              context.options.number("minimumStd"));
}

std::shared_ptr<const NoisedLayer> noised_layer(const Network& network, const NeuronStatistics& statistics,
                                                std::array<int64_t, 2> image_size,
                                                const MaskSettings& settings) {
  Grid grid = require_grid(network.layer(statistics.layer), statistics.mean.sizes(), image_size);
  return std::make_shared<NoisedLayer>(network, statistics, grid, *settings.conventions, settings.kernel,
                                       settings.placeless);
}

std::vector<std::string> chosen_layers(const Options& options, const Network& network) {
  if (!options.has("layers")) return block_layers(network);
  std::vector<std::string> names;
  for (auto& name : io::split(options.text("layers"), ',')) {
    std::erase(name, ' ');
    names.push_back(network.layer(name).name);
  }
  return names;
}

std::vector<Attribution> explain_masked(const Network& network, const Cut& cut, const NoisedLayer& layer,
                                        const MaskSettings& settings, const Batch& batch,
                                        const InitialAlpha& initial) {
  Steps steps(batch, masked_steps(network, settings, batch));
  return explain_masked(network, cut, layer, settings, batch, steps, initial);
}

int64_t masked_steps(const Network& network, const MaskSettings& settings, const Batch& batch) {
  MaskOptimisation optimisation(network, settings);
  return settings.steps * runs_of(batch.size(), optimisation.images_for(batch.rows));
}

std::vector<Attribution> explain_masked(const Network& network, const Cut& cut, const NoisedLayer& layer,
                                        const MaskSettings& settings, const Batch& batch, Steps& steps,
                                        const InitialAlpha& initial) {
  MaskOptimisation optimisation(network, settings);
  auto make_loss = [&](const Values& values, int64_t, int64_t) {
    const Tensor& activation = values[cut.at()];
    layer.check_shape(activation);
    return BottleneckLoss(cut, layer, activation, values, {settings.is_inverse, settings.loss_limit, {}});
  };
  auto explain = [&](const BottleneckLoss& loss, int64_t begin, const std::vector<uint64_t>& seeds,
                     std::span<Attribution> attributions) {
    const auto end = begin + static_cast<int64_t>(attributions.size());
    Tensor alpha = initial ? initial(begin, end) : Tensor();
    optimisation.run(loss, {layer}, seeds, batch.image_size(), attributions, steps, {batch.listener, begin},
                     std::move(alpha));
  };
  return explain_runs(network, cut, optimisation, batch, steps, make_loss, explain);
}

}  // namespace iba
