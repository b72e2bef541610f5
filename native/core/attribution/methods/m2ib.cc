#include <cmath>

#include "attribution/bottleneck_layers.h"
#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "error.h"
#include "io/text.h"
#include "network/block_layers.h"
#include "network/interpreter.h"

namespace iba {

namespace {

/// Of noise around what a block reads: the authors' code takes the variance of that one activation, 0, and
/// adds this (Jiang et al. 2020).
constexpr double kNarrowVariance = 1e-5;

/// A bottleneck whose noise needs no statistics. It is standard normal, as made for towers of CLIP, whose
/// target is the similarity with an embedding of the other one; or lies narrowly around what the layer's
/// block reads, as made for BERT: where nothing passes, the block is skipped.
class M2ib : public Method {
 public:
  explicit M2ib(const MethodContext& context)
      : network_(context.network),
        settings_(context.options, conventions_of(Preset::iba)),
        conventions_(*settings_.conventions),
        layer_name_(context.options.has("layer") ? context.options.text("layer") : network_.bottleneck_layer),
        cut_(network_, network_.layer(layer_name_).value) {
    if (context.options.text("noise") == "standard") return;
    read_ = block_input(network_, layer_name_);
    conventions_.clamps_noise = true;
    settings_.conventions = &conventions_;
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto layer = layer_.for_size(batch.image_size(), [&](auto size) {
      Tensor activation = cut_.before(batch.images.slice(0, 0, 1))[cut_.at()][0];
      Tensor mean = at::zeros(activation.sizes(), at::kDouble);
      Tensor std = at::full_like(mean, read_ ? std::sqrt(kNarrowVariance) : 1);
      return noised_layer(network_, {layer_name_, mean, std, at::ones_like(mean, at::kBool)}, size,
                          settings_);
    });
    if (!read_) return explain_masked(network_, cut_, *layer, settings_, batch);
    return explain_around_read(*layer, batch);
  }

  std::string unit() const override { return settings_.conventions->unit; }

 private:
  /// With the means of what each image's block reads itself.
  std::vector<Attribution> explain_around_read(const NoisedLayer& layer, const Batch& batch) const {
    MaskOptimisation optimisation(network_, settings_);
    Steps steps(batch, masked_steps(network_, settings_, batch));
    std::optional<NoisedLayer> of_run;
    auto make_loss = [&](const Values& values, int64_t begin, int64_t end) {
      const Tensor& activation = values[cut_.at()];
      layer.check_shape(activation);
      Tensor read = activations(network_, batch.images.slice(0, begin, end), {*read_})[0];
      require_same_shape(read, activation);
      of_run.emplace(layer.around(read));
      return BottleneckLoss(cut_, *of_run, activation, values,
                            {settings_.is_inverse, settings_.loss_limit, {}});
    };
    auto explain = [&](const BottleneckLoss& loss, int64_t begin, const std::vector<uint64_t>& seeds,
                       std::span<Attribution> attributions) {
      optimisation.run(loss, {*of_run}, seeds, batch.image_size(), attributions, steps,
                       {batch.listener, begin});
    };
    return explain_runs(network_, cut_, optimisation, batch, steps, make_loss, explain);
  }

  void require_same_shape(const Tensor& read, const Tensor& given) const {
    if (read.sizes() == given.sizes()) return;
    throw Error(ErrorCode::model,
                "'" + layer_name_ + "' reads " + io::shape_text(read.sizes().slice(1)) + " and gives " +
                    io::shape_text(given.sizes().slice(1)) +
                    " for each image, so that it can't be skipped. Choose a block that keeps "
                    "the shape, such as that of a transformer, or the noise standard.");
  }

  const Network& network_;
  MaskSettings settings_;
  Conventions conventions_;
  std::string layer_name_;
  Cut cut_;
  std::optional<ValueId> read_;  // what the noise lies around, where it isn't standard normal
  PerImageSize<NoisedLayer> layer_;
};

}  // namespace

MethodEntry m2ib_method() {
  auto options = mask_options({.beta = 0.1, .sigma = 0});
  options.insert(
      options.begin(),
      {text_option("layer",
                   "where the bottleneck goes (default: the paper's place in the "
                   "network; in CLIP's towers what the tenth of twelve blocks gives)"),
       choice_option("noise",
                     "standard normal, or narrowly around what the layer's block reads, so that the "
                     "block is skipped where nothing passes, as made for BERT (Jiang et al. 2020)",
                     "standard", {"standard", "block-input"})});
  return {
      "m2ib",
      "as per-sample with standard normal noise, for towers of CLIP: without statistics, and with a price of "
      "information for similarities",
      "Wang et al. 2023",
      std::move(options),
      make_in_float<M2ib>,
      {},
      {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
