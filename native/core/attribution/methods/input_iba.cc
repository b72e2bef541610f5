#include "attribution/bottleneck_layers.h"
#include "attribution/methods/methods.h"
#include "image/enlarge.h"

namespace iba {

namespace {

constexpr double kInputStd = 1;

/// What passes the pixels themselves, beyond what a mask of the hidden features' evidence lets pass anyway.
class InputIba : public Method {
 public:
  explicit InputIba(const MethodContext& context)
      : network_(context.network),
        settings_(context.options, conventions_of(context.resources.statistics->preset)),
        feature_settings_(settings_),
        takes_prior_(context.options.text("prior") == "feature"),
        gives_mask_(context.options.text("map") == "mask"),
        statistics_(statistics_of(
            context, context.options.has("layer") ? context.options.text("layer") : network_.bottleneck_layer,
            *settings_.conventions)),
        feature_cut_(network_, network_.layer(statistics_.layer).value),
        input_cut_(network_, network_.input) {
    feature_settings_.beta = context.options.number("featureBeta");
    feature_settings_.steps = context.options.whole("featureSteps");
    feature_settings_.keeps_capacity = feature_settings_.keeps_steps = false;
    // The evidence is told in bits, as an image of them.
    feature_settings_.conventions = &conventions_of(Preset::iba);
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    MaskOptimisation optimisation(network_, settings_);
    const int64_t feature_steps = takes_prior_ ? masked_steps(network_, feature_settings_, batch) : 0;
    Steps steps(batch, feature_steps + masked_steps(network_, settings_, batch));
    Tensor passing = takes_prior_ ? feature_prior(batch, steps) : Tensor();
    auto layer = input_layer_.for_size(batch.image_size(), [&](auto size) { return input_layer(size); });
    auto make_loss = [&](const Values& values, int64_t begin, int64_t end) {
      BottleneckLoss::Variant variant{};
      if (takes_prior_) variant.passing = passing.slice(0, begin, end);
      return BottleneckLoss(input_cut_, *layer, values[network_.input], values, variant);
    };
    auto explain = [&](const BottleneckLoss& loss, int64_t, const std::vector<uint64_t>& seeds,
                       std::span<Attribution> attributions) {
      if (!gives_mask_) {
        optimisation.run(loss, {*layer}, seeds, batch.image_size(), attributions, steps);
        return;
      }
      Tensor masks = optimisation.mask_after(loss, {*layer}, seeds, attributions, steps);
      Tensor maps = masks.mean(-1).cpu();
      for (size_t i = 0; i < attributions.size(); ++i)
        attributions[i].map = maps[static_cast<int64_t>(i)].contiguous();
    };
    return explain_runs(network_, input_cut_, optimisation, batch, steps, make_loss, explain);
  }

  std::string unit() const override { return gives_mask_ ? "relative" : settings_.conventions->unit; }

 private:
  /// M = sigmoid of the bits per pixel that the hidden layer's bottleneck lets pass, for each colour (B, H,
  /// W, C).
  Tensor feature_prior(const Batch& batch, Steps& steps) const {
    auto layer = feature_layer_.for_size(batch.image_size(), [&](auto size) {
      return noised_layer(network_, statistics_, size, feature_settings_);
    });
    auto found = explain_masked(network_, feature_cut_, *layer, feature_settings_, batch, steps);
    std::vector<Tensor> maps;
    for (const auto& attribution : found) maps.push_back(attribution.map);
    Tensor passing = at::sigmoid(at::stack(maps)).unsqueeze(-1).to(network_.device());
    return passing.expand({-1, -1, -1, network_.input_channels}).contiguous();
  }

  /// The pixels, of which the mean is 0 and the deviation 1, as they were normalised.
  std::shared_ptr<const NoisedLayer> input_layer(std::array<int64_t, 2> size) const {
    Tensor mean = at::zeros({network_.input_channels, size[0], size[1]}, at::kDouble);
    NeuronStatistics standard{"the input", mean, at::full_like(mean, kInputStd),
                              at::ones_like(mean, at::kBool)};
    Grid grid{Grid::Form::image, 0, size[0], size[1]};
    return std::make_shared<NoisedLayer>(network_, standard, grid, *settings_.conventions, settings_.kernel);
  }

  const Network& network_;
  MaskSettings settings_;
  MaskSettings feature_settings_;
  bool takes_prior_;
  bool gives_mask_;
  NeuronStatistics statistics_;
  Cut feature_cut_;
  Cut input_cut_;
  PerImageSize<NoisedLayer> feature_layer_;
  PerImageSize<NoisedLayer> input_layer_;
};

}  // namespace

MethodEntry input_iba_method() {
  auto options = common_mask_options({.beta = 20, .steps = 60});
  options.insert(
      options.begin(),
      {text_option("layer", "whose evidence is the prior (default: the paper's place in the network)"),
       choice_option("prior", "what passes anyway: the pixels of a hidden layer's evidence, or none",
                     "feature", {"feature", "none"}),
       number_option("featureBeta", "the price of information in the hidden layer", 20, 0),
       whole_option("featureSteps", "optimisation steps in the hidden layer", 10, 1, 100'000),
       choice_option("map", "the mask, unsmoothed, as a mean over the colours; or the bits beyond the prior",
                     "mask", {"mask", "bits"})});
  options.push_back(minimum_std_option());
  return {"input-iba",
          "a bottleneck at the pixels, whose prior lets the evidence of a hidden layer pass",
          "Zhang et al. 2021",
          std::move(options),
          make_method<InputIba>,
          {Resource::statistics},
          {.cpu = 1, .cuda = 16}};
}

}  // namespace iba
