#include "attribution/methods/methods.h"

#include "attribution/bottleneck_layers.h"
#include "attribution/mask_optimisation.h"

namespace iba {

namespace {

/// For each image, a mask is optimised so that the target keeps its value while as little information as
/// possible passes the layer.
class PerSample : public Method {
 public:
  explicit PerSample(const MethodContext& context)
      : network_(context.network),
        settings_(context.options, conventions_of(context.resources.statistics->preset)),
        statistics_(statistics_of(context, layer_from(context), *settings_.conventions)),
        cut_(network_, network_.layer(statistics_.layer).value) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto layer = layer_.for_size(
        batch.image_size(), [&](auto size) { return noised_layer(network_, statistics_, size, settings_); });
    return explain_masked(network_, cut_, *layer, settings_, batch);
  }

  std::string unit() const override { return settings_.conventions->unit; }

 private:
  static std::string layer_from(const MethodContext& context) {
    return context.options.has("layer") ? context.options.text("layer") : context.network.bottleneck_layer;
  }

  const Network& network_;
  MaskSettings settings_;
  NeuronStatistics statistics_;
  Cut cut_;
  PerImageSize<NoisedLayer> layer_;
};

}  // namespace

MethodEntry per_sample_method() {
  auto options = mask_options();
  options.insert(
      options.begin(),
      text_option("layer", "where the bottleneck goes (default: the paper's place in the network)"));
  options.push_back(minimum_std_option());
  return {"per-sample",
          "the information that a bottleneck in a layer has to let pass for the target, in bits",
          "Schulz et al. 2020, section 3.2",
          std::move(options),
          make_method<PerSample>,
          {Resource::statistics},
          {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
