#include "attribution/methods/methods.h"

#include "attribution/bottleneck_layers.h"
#include "attribution/mask_optimisation.h"
#include "bottleneck/readout.h"
#include "error.h"

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
        cut_(network_, network_.layer(statistics_.layer).value) {
    if (context.resources.readout) start_from(*context.resources.readout);
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto layer = layer_.for_size(
        batch.image_size(), [&](auto size) { return noised_layer(network_, statistics_, size, settings_); });
    if (!readout_) return explain_masked(network_, cut_, *layer, settings_, batch);
    return explain_masked(network_, cut_, *layer, settings_, batch, [&](int64_t begin, int64_t end) {
      return predicted_alpha(batch.images.slice(0, begin, end));
    });
  }

  std::string unit() const override { return settings_.conventions->unit; }

 private:
  static std::string layer_from(const MethodContext& context) {
    return context.options.has("layer") ? context.options.text("layer") : context.network.bottleneck_layer;
  }

  /// Masks begin with what a readout predicts, which restricts the same neurons.
  void start_from(const Readout& readout) {
    if (readout.bottleneck.layer != statistics_.layer) {
      throw Error(ErrorCode::invalid_argument, "The readout restricts '" + readout.bottleneck.layer +
                                                   "', but the bottleneck goes into '" + statistics_.layer +
                                                   "'. Choose that layer, or leave the readout out.");
    }
    if (settings_.is_inverse || settings_.shares_channels) {
      throw Error(
          ErrorCode::invalid_argument,
          "A readout predicts masks of single neurons that keep a prediction. Leave it out for inverse "
          "or shared masks.");
    }
    // The plan of copies is made for masks that let nearly everything pass at first.
    settings_.adapts_copies = false;
    predicting_ = &readout.network;
    readout_.emplace(network_, readout);
  }

  Tensor predicted_alpha(const Tensor& images) const {
    auto reading = readout_->read(images);
    return readout_->alpha(reading, 0, images.size(0), *predicting_).contiguous();
  }

  const Network& network_;
  MaskSettings settings_;
  NeuronStatistics statistics_;
  Cut cut_;
  PerImageSize<NoisedLayer> layer_;
  std::optional<ReadoutBottleneck> readout_;  // what masks begin with
  const ReadoutNetwork* predicting_ = nullptr;
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
          {.cpu = 1, .cuda = 16},
          {Resource::readout}};
}

}  // namespace iba
