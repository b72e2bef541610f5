#include "attribution/bottleneck_layers.h"
#include "attribution/generated_prior.h"
#include "attribution/methods/methods.h"
#include "error.h"
#include "io/text.h"

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
        prior_(prior_of(context.options)),
        given_(context.options.tensor("prior")),
        keeps_prior_(context.options.flag("keepPrior")),
        gives_mask_(context.options.text("map") == "mask"),
        statistics_(statistics_of(
            context, context.options.has("layer") ? context.options.text("layer") : network_.bottleneck_layer,
            *settings_.conventions)),
        feature_cut_(network_, network_.layer(statistics_.layer).value),
        input_cut_(network_, network_.input),
        generated_(network_, feature_cut_.at(), context.options) {
    feature_settings_.beta = context.options.number("featureBeta");
    feature_settings_.steps = context.options.whole("featureSteps");
    feature_settings_.keeps_capacity = prior_ == Prior::gan;
    feature_settings_.keeps_steps = false;
    // The evidence is told in bits, as an image of them.
    feature_settings_.conventions = &conventions_of(Preset::iba);
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    MaskOptimisation optimisation(network_, settings_);
    Steps steps(batch, prior_steps(batch) + masked_steps(network_, settings_, batch));
    Tensor passing = passing_pixels(batch, steps);
    auto layer = input_layer_.for_size(batch.image_size(), [&](auto size) { return input_layer(size); });
    auto make_loss = [&](const Values& values, int64_t begin, int64_t end) {
      BottleneckLoss::Variant variant{};
      if (passing.defined()) variant.passing = passing.slice(0, begin, end);
      return BottleneckLoss(input_cut_, *layer, values[network_.input], values, variant);
    };
    auto explain = [&](const BottleneckLoss& loss, int64_t begin, const std::vector<uint64_t>& seeds,
                       std::span<Attribution> attributions) {
      const StepAudience audience{batch.listener, begin};
      if (!gives_mask_) {
        optimisation.run(loss, {*layer}, seeds, batch.image_size(), attributions, steps, audience);
        return;
      }
      Tensor masks = optimisation.mask_after(loss, {*layer}, seeds, attributions, steps, audience);
      Tensor maps = masks.mean(-1).cpu();
      for (size_t i = 0; i < attributions.size(); ++i)
        attributions[i].map = maps[static_cast<int64_t>(i)].contiguous();
    };
    auto found = explain_runs(network_, input_cut_, optimisation, batch, steps, make_loss, explain);
    if (keeps_prior_ && passing.defined()) {
      Tensor priors = passing.permute({0, 3, 1, 2}).cpu();
      for (size_t b = 0; b < found.size(); ++b)
        found[b].tensors.emplace_back("prior", priors[static_cast<int64_t>(b)].contiguous());
    }
    return found;
  }

  std::string unit() const override { return gives_mask_ ? "relative" : settings_.conventions->unit; }

 private:
  /// Where the mask M of what passes anyway comes from.
  enum class Prior { none, given, feature, gan };

  static Prior prior_of(const Options& options) {
    if (options.tensor("prior").defined()) return Prior::given;
    const auto& word = options.text("prior");
    return word == "none" ? Prior::none : word == "gan" ? Prior::gan : Prior::feature;
  }

  bool asks_features() const { return prior_ == Prior::feature || prior_ == Prior::gan; }

  int64_t prior_steps(const Batch& batch) const {
    if (!asks_features()) return 0;
    const int64_t refining = prior_ == Prior::gan ? generated_.steps_of_image() * batch.size() : 0;
    return masked_steps(network_, feature_settings_, batch) + refining;
  }

  /// M of each pixel's colours (B, H, W, C); undefined where nothing passes anyway.
  Tensor passing_pixels(const Batch& batch, Steps& steps) const {
    if (prior_ == Prior::none) return {};
    Tensor masks = prior_ == Prior::given ? given_masks(batch) : masks_of_features(batch, steps);
    return masks.permute({0, 2, 3, 1}).to(network_.device()).contiguous();
  }

  /// The given mask of the pixels, or of each colour of them, for every image (B, C, H, W).
  Tensor given_masks(const Batch& batch) const {
    const auto shape = batch.images.sizes();
    const int64_t pixels = shape[2] * shape[3];
    // A list of numbers says nothing of its shape.
    auto fits = [&](at::IntArrayRef of) {
      return given_.numel() == c10::multiply_integers(of) && (given_.dim() == 1 || given_.sizes() == of);
    };
    if (!fits(shape.slice(1)) && !fits(shape.slice(2))) {
      throw Error(ErrorCode::invalid_argument,
                  "Expected " + io::shape_text(shape.slice(2)) +
                      " numbers for prior, one for each pixel of the image as the network takes it, or " +
                      io::shape_text(shape.slice(1)) + " with the colours in front, but received " +
                      io::shape_text(given_.sizes()) + ". Resize and crop the mask as the image.");
    }
    return given_.to(at::kFloat).view({1, given_.numel() / pixels, shape[2], shape[3]}).expand(shape);
  }

  /// M = sigmoid of the bits per pixel that the hidden layer's bottleneck lets pass, alike for each colour,
  /// or what the refinement makes of it (B, C, H, W).
  Tensor masks_of_features(const Batch& batch, Steps& steps) const {
    auto layer = feature_layer_.for_size(batch.image_size(), [&](auto size) {
      return noised_layer(network_, statistics_, size, feature_settings_);
    });
    // The steps that are told of are those of the pixels' mask.
    Batch quiet = batch;
    quiet.listener = nullptr;
    auto found = explain_masked(network_, feature_cut_, *layer, feature_settings_, quiet, steps);
    std::vector<Tensor> masks;
    for (int64_t b = 0; b < batch.size(); ++b) {
      const Attribution& feature = found[static_cast<size_t>(b)];
      if (prior_ == Prior::feature) {
        masks.push_back(at::sigmoid(feature.map).expand_as(batch.images[b]));
        continue;
      }
      const Tensor& capacity = feature.tensors.at(0).second;
      masks.push_back(
          generated_.mask({batch.images[b], capacity, feature.map, layer->grid(), batch.requests[b].seed},
                          batch.rows, steps));
    }
    return at::stack(masks);
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
  Prior prior_;
  Tensor given_;
  bool keeps_prior_;
  bool gives_mask_;
  NeuronStatistics statistics_;
  Cut feature_cut_;
  Cut input_cut_;
  GeneratedPrior generated_;
  PerImageSize<NoisedLayer> feature_layer_;
  PerImageSize<NoisedLayer> input_layer_;
};

}  // namespace

MethodEntry input_iba_method() {
  auto options = common_mask_options({.beta = 20, .steps = 60});
  options.insert(
      options.begin(),
      {text_option("layer", "whose evidence is the prior (default: the paper's place in the network)"),
       array_option("prior",
                    "what passes anyway: the pixels of a hidden layer's evidence, those refined by a "
                    "generative network as in the paper, none, or a mask of the image's height × width, or "
                    "colours × height × width",
                    0, 1)
           .or_one_of({"feature", "gan", "none"}, "feature"),
       number_option("featureBeta", "the price of information in the hidden layer", 20, 0),
       whole_option("featureSteps", "optimisation steps in the hidden layer", 10, 1, 100'000),
       flag_option("keepPrior", "return the prior's mask (colours, height, width) as well", false),
       choice_option("map", "the mask, unsmoothed, as a mean over the colours; or the bits beyond the prior",
                     "mask", {"mask", "bits"})});
  for (auto& option : generated_prior_options()) options.push_back(std::move(option));
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
