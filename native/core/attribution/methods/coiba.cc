#include "attribution/bottleneck_layers.h"
#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "error.h"
#include "network/graph.h"

namespace iba {

namespace {

/// One mask of the image's places for several layers: each is noised by it, all channels alike, and the first
/// layer's information bounds that of the others.
class CoIba : public Method {
 public:
  explicit CoIba(const MethodContext& context)
      : network_(context.network),
        settings_(context.options, conventions_of(context.resources.statistics->preset)),
        statistics_(statistics_from(context, *settings_.conventions)),
        cut_(network_, network_.layer(statistics_[0].layer).value, {}, further_values()) {
    settings_.shares_channels = true;
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto layers = layers_.for_size(batch.image_size(), [&](auto size) {
      auto made = std::make_shared<std::vector<std::shared_ptr<const NoisedLayer>>>();
      for (const auto& statistics : statistics_)
        made->push_back(noised_layer(network_, statistics, size, settings_));
      return made;
    });
    MaskOptimisation optimisation(network_, settings_);
    Steps steps(batch, masked_steps(network_, settings_, batch));
    MaskOptimisation::Layers used{*layers->front()};
    std::vector<BottleneckLoss::Further> further;
    for (size_t i = 1; i < layers->size(); ++i) {
      used.further.push_back((*layers)[i].get());
      further.push_back({*(*layers)[i], network_.layer(statistics_[i].layer).value});
    }
    auto make_loss = [&](const Values& values, int64_t, int64_t) {
      used.first.check_shape(values[cut_.at()]);
      return BottleneckLoss(cut_, used.first, values[cut_.at()], values, {}, further);
    };
    auto explain = [&](const BottleneckLoss& loss, int64_t begin, const std::vector<uint64_t>& seeds,
                       std::span<Attribution> attributions) {
      optimisation.run(loss, used, seeds, batch.image_size(), attributions, steps, {batch.listener, begin});
    };
    return explain_runs(network_, cut_, optimisation, batch, steps, make_loss, explain);
  }

  std::string unit() const override { return settings_.conventions->unit; }

 private:
  static std::vector<NeuronStatistics> statistics_from(const MethodContext& context,
                                                       const Conventions& conventions) {
    std::vector<NeuronStatistics> all;
    for (const auto& layer : chosen_layers(context.options, context.network))
      all.push_back(statistics_of(context, layer, conventions));
    return all;
  }

  /// What lies behind the first layer; the layers stand in the order of the network.
  std::vector<ValueId> further_values() const {
    auto behind = values_computed_from(network_, network_.layer(statistics_[0].layer).value);
    std::vector<ValueId> values;
    for (size_t i = 1; i < statistics_.size(); ++i) {
      ValueId value = network_.layer(statistics_[i].layer).value;
      if (!behind[value] || value == network_.layer(statistics_[0].layer).value) {
        throw Error(ErrorCode::invalid_argument, "The layer '" + statistics_[i].layer +
                                                     "' doesn't lie behind '" + statistics_[0].layer +
                                                     "'. Name the layers in the network's order, each once.");
      }
      values.push_back(value);
    }
    return values;
  }

  const Network& network_;
  MaskSettings settings_;
  std::vector<NeuronStatistics> statistics_;
  Cut cut_;
  PerImageSize<std::vector<std::shared_ptr<const NoisedLayer>>> layers_;
};

}  // namespace

MethodEntry coiba_method() {
  auto options = common_mask_options({.beta = 1, .sigma = 0});
  options.insert(
      options.begin(),
      text_option("layers",
                  "where the bottlenecks go, with commas between them (default: from the paper's place "
                  "on, all blocks of its kind; of a transformer's blocks their first layer norm)"));
  options.push_back(choice_option(
      "classToken",
      "whether the mask restricts the class token and others that belong to no place too, or they pass free",
      "restricted", {"restricted", "free"}));
  options.push_back(minimum_std_option());
  return {"coiba",
          "one mask of places that restricts several layers at once; the information of the first, in bits",
          "Hong et al. 2025",
          std::move(options),
          make_in_float<CoIba>,
          {Resource::statistics},
          {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
