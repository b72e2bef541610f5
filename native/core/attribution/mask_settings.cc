#include "attribution/mask_settings.h"

#include "error.h"
#include "runtime/rows.h"

namespace iba {

namespace {

/// A preset of these methods alone: ours, with what makes maps sooner that are as good.
constexpr const char* kFast = "fast";

/// Not every method has every option.
bool is(const Options& options, const char* name, const char* choice) {
  return options.has(name) && options.text(name) == choice;
}

bool is_fast(const Options& options) {
  return is(options, "preset", kFast);
}

const Conventions& conventions_from(const Options& options, const Conventions& standard) {
  if (is_fast(options)) return conventions_of(Preset::iba);
  return options.has("preset") ? options.conventions() : standard;
}

bool adapts_copies(const Options& options) {
  return options.has("copyPlan") ? is(options, "copyPlan", "adaptive") : is_fast(options);
}

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorCode::invalid_argument, message);
}

}  // namespace

MaskSettings::MaskSettings(const Options& options, const Conventions& standard)
    : conventions(&conventions_from(options, standard)),
      is_proximal(is(options, "solver", "proximal")),
      beta(options.number("beta")),
      steps(options.whole("steps")),
      tolerance(options.has("tolerance") ? options.number("tolerance") : 0),
      copies(options.whole("copies")),
      adapts_copies(!is_proximal && iba::adapts_copies(options)),
      pairs_noise(is_proximal || adapts_copies),
      learning_rate(options.number("learningRate")),
      initial_alpha(options.number("initialAlpha")),
      kernel(SmoothingKernel::of(options.number("sigma"))),
      is_inverse(options.has("inverse") && options.flag("inverse")),
      shares_channels(is(options, "share", "channels")),
      placeless(is(options, "classToken", "free") ? NoisedLayer::Placeless::free
                                                  : NoisedLayer::Placeless::restricted),
      loss_copies(options.has("lossCopies") ? options.whole("lossCopies") : 0),
      keeps_capacity(options.flag("keepCapacity")),
      keeps_steps(options.flag("keepSteps")) {
  if (options.has("lossLimit")) loss_limit = options.number("lossLimit");
  if (loss_limit && !is_inverse)
    refuse("lossLimit is for the inverse bottleneck, whose loss has no lower bound. Give inverse as well.");
  if (is_proximal && (is_inverse || shares_channels))
    refuse(
        "The proximal solver finds masks of single neurons that keep a prediction. Choose the solver adam "
        "for "
        "inverse or shared masks.");
}

std::vector<OptionSpec> mask_options(const MaskDefaults& defaults) {
  return {
      choice_option("preset",
                    "conventions of the authors' library, or of the paper's code; fast has the former with "
                    "adaptive copies (default: the statistics')",
                    preset_name(Preset::iba), {"iba", "paper", kFast})
          .without_default(),
      rows_option(kNoisedRows),
      choice_option(
          "solver",
          "how the mask is found: Adam is the paper's, proximal comes to a lower loss in as many steps",
          "adam", {"adam", "proximal"}),
      number_option("beta", "the price of information: higher shows less", defaults.beta, 0),
      whole_option("steps", "optimisation steps", defaults.steps, 1, 100'000),
      number_option(
          "tolerance",
          "of the proximal solver: an image is done when its loss, averaged over the steps, has fallen "
          "by less than this share in five steps; 0 takes all steps",
          0, 0, 1),
      whole_option("copies", "noise copies of each image in each step", 10, 1, 10'000),
      choice_option(
          "copyPlan",
          "as many copies in each step of Adam, or few where the mask lets nearly everything pass, in "
          "pairs of opposite noise (default: constant, and adaptive in fast)",
          "constant", {"constant", "adaptive"})
          .without_default(),
      number_option("learningRate", "learning rate of Adam", 1, 0),
      number_option("initialAlpha",
                    "where Adam begins without a readout: sigmoid of it is the share that passes at first", 5,
                    -50, 50),
      number_option("sigma", "smoothing of the mask in neurons, 0 for none", defaults.sigma, 0, 1000),
      flag_option("inverse",
                  "noise where the mask is open: what must go for the prediction to fail, in place of what "
                  "suffices for it",
                  false),
      number_option(
          "lossLimit",
          "of the inverse bottleneck: no gain from a copy whose loss is above this, in nats for a class "
          "(default: no limit)",
          0, 0)
          .without_default(),
      choice_option("share", "whether a place's channels share one mask", "none", {"none", "channels"}),
      whole_option(
          "lossCopies",
          "fresh noise copies with which the loss of the map's mask is estimated at the end, as checks; "
          "0 for none",
          0, 0, 100'000),
      flag_option("keepCapacity", "return the capacity of every neuron as well", false),
      flag_option("keepSteps", "return the map after every step as well", false)};
}

std::vector<OptionSpec> common_mask_options(const MaskDefaults& defaults) {
  auto options = mask_options(defaults);
  std::erase_if(options, [](const OptionSpec& option) {
    return option.name == "share" || option.name == "inverse" || option.name == "lossLimit" ||
           option.name == "solver" || option.name == "tolerance" || option.name == "lossCopies";
  });
  return options;
}

}  // namespace iba
