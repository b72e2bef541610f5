#include "attribution/bottleneck_layers.h"
#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "error.h"

namespace iba {

namespace {

constexpr double kSmallestNorm = 1e-12;

/// A bottleneck in each of several layers, one after the other, and one map of them all.
class MultiLayer : public Method {
 public:
  explicit MultiLayer(const MethodContext& context)
      : network_(context.network),
        settings_(context.options, conventions_of(context.resources.statistics->preset)),
        is_intersection_(context.options.text("combine") == "intersection") {
    for (const auto& name : chosen_layers(context.options, network_))
      layers_.push_back(
          std::make_unique<Bottleneck>(network_, statistics_of(context, name, *settings_.conventions)));
    const char* own = is_intersection_ ? "thresholds" : "weights";
    factors_ = context.options.has(own) ? context.options.numbers(own)
                                        : std::vector<double>(layers_.size(), is_intersection_ ? 0.006 : 1);
    if (factors_.size() != layers_.size()) {
      throw Error(ErrorCode::invalid_argument, std::string(own) + " has " + std::to_string(factors_.size()) +
                                                   " numbers, expected one for each of the " +
                                                   std::to_string(layers_.size()) + " layers.");
    }
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, static_cast<int64_t>(layers_.size()) * masked_steps(network_, settings_, batch));
    std::vector<std::vector<Attribution>> of_layers;
    Batch told = batch;  // of the steps of the first layer, whose series are the attribution's
    for (const auto& bottleneck : layers_) {
      auto layer = bottleneck->layer.for_size(batch.image_size(), [&](auto size) {
        return noised_layer(network_, bottleneck->statistics, size, settings_);
      });
      of_layers.push_back(explain_masked(network_, bottleneck->cut, *layer, settings_, told, steps));
      told.listener = nullptr;
    }
    return combined(of_layers);
  }

  std::string unit() const override { return is_intersection_ ? settings_.conventions->unit : "relative"; }

 private:
  struct Bottleneck {
    Bottleneck(const Network& network, NeuronStatistics its_statistics)
        : statistics(std::move(its_statistics)), cut(network, network.layer(statistics.layer).value) {}

    NeuronStatistics statistics;
    Cut cut;
    PerImageSize<NoisedLayer> layer;
  };

  /// The first layer's attribution with the map of them all. Each layer's own map is kept as `layerMaps`.
  std::vector<Attribution> combined(const std::vector<std::vector<Attribution>>& of_layers) const {
    std::vector<Attribution> attributions = of_layers[0];
    for (size_t b = 0; b < attributions.size(); ++b) {
      std::vector<Tensor> maps;
      for (const auto& layer : of_layers) maps.push_back(layer[b].map);
      attributions[b].map = is_intersection_ ? intersection(maps) : weighted_sum(maps);
      attributions[b].tensors.emplace_back("layerMaps", at::stack(maps));
    }
    return attributions;
  }

  static Tensor normed(const Tensor& map) { return map / map.norm().clamp_min(kSmallestNorm); }

  /// The first map where all the others are above their thresholds.
  Tensor intersection(const std::vector<Tensor>& maps) const {
    Tensor all = maps[0];
    for (size_t i = 1; i < maps.size(); ++i) all = all * (normed(maps[i]) >= factors_[i]);
    return all;
  }

  Tensor weighted_sum(const std::vector<Tensor>& maps) const {
    Tensor sum = at::zeros_like(maps[0]);
    for (size_t i = 0; i < maps.size(); ++i) sum += normed(maps[i]) * factors_[i];
    return sum;
  }

  const Network& network_;
  MaskSettings settings_;
  bool is_intersection_;
  std::vector<double> factors_;
  std::vector<std::unique_ptr<Bottleneck>> layers_;
};

}  // namespace

MethodEntry multi_layer_method() {
  auto options = mask_options();
  options.insert(
      options.begin(),
      {text_option(
           "layers",
           "where the bottlenecks go, one at a time, with commas between them (default: from the paper's "
           "place on, all blocks of its kind)"),
       choice_option(
           "combine",
           "the first layer's map where all others have evidence, or the sum of all, each by its length",
           "intersection", {"intersection", "weighted-sum"}),
       numbers_option(
           "thresholds",
           "of the intersection: where a layer has evidence, as a share of its map's length; the first "
           "doesn't count (default: 0.006 each)"),
       numbers_option("weights", "of the weighted sum, one for each layer (default: 1 each)")});
  options.push_back(minimum_std_option());
  return {"multi-layer",
          "bottlenecks in several layers, each optimised by itself, and what their maps agree on",
          "Khakzar et al. 2021",
          std::move(options),
          make_in_float<MultiLayer>,
          {Resource::statistics},
          {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
