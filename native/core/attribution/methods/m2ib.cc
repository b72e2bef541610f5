#include "attribution/bottleneck_layers.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

/// A bottleneck whose noise is standard normal, so that it needs no statistics: made for towers of CLIP,
/// whose target is the similarity with an embedding of the other one.
class M2ib : public Method {
 public:
  explicit M2ib(const MethodContext& context)
      : network_(context.network),
        settings_(context.options, conventions_of(Preset::iba)),
        layer_name_(context.options.has("layer") ? context.options.text("layer") : network_.bottleneck_layer),
        cut_(network_, network_.layer(layer_name_).value) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto layer = layer_.for_size(batch.image_size(), [&](auto size) {
      Tensor activation = cut_.before(batch.images.slice(0, 0, 1))[cut_.at()][0];
      Tensor mean = at::zeros(activation.sizes(), at::kDouble);
      NeuronStatistics standard{layer_name_, mean, at::ones_like(mean), at::ones_like(mean, at::kBool)};
      return noised_layer(network_, standard, size, settings_);
    });
    return explain_masked(network_, cut_, *layer, settings_, batch);
  }

  std::string unit() const override { return settings_.conventions->unit; }

 private:
  const Network& network_;
  MaskSettings settings_;
  std::string layer_name_;
  Cut cut_;
  PerImageSize<NoisedLayer> layer_;
};

}  // namespace

MethodEntry m2ib_method() {
  auto options = mask_options({.beta = 0.1, .sigma = 0});
  options.insert(options.begin(),
                 text_option("layer",
                             "where the bottleneck goes (default: the paper's place in the "
                             "network; in CLIP's towers what the tenth of twelve blocks gives)"));
  return {
      "m2ib",
      "as per-sample with standard normal noise, for towers of CLIP: without statistics, and with a price of "
      "information for similarities",
      "Wang et al. 2023",
      std::move(options),
      make_method<M2ib>,
      {},
      {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
