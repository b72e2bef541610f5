#include "attribution/methods/methods.h"

#include "attribution/passes.h"
#include "attribution/rules/lrp_composites.h"
#include "network/batch_norm_folding.h"

namespace iba {

namespace {

LrpSettings settings_from(const Options& options) {
  LrpSettings settings{.epsilon = options.number("epsilon"),
                       .gamma = options.number("gamma"),
                       .linear_gamma = options.number("linearGamma"),
                       .beta = options.number("beta"),
                       .biases = options.flag("biases")};
  if (options.has("low")) settings.low = options.numbers("low");
  if (options.has("high")) settings.high = options.numbers("high");
  return settings;
}

class Lrp : public Method {
 public:
  explicit Lrp(const MethodContext& context)
      : folded_(fold_batch_norms(context.network)),
        pass_(folded_, folded_.input,
              resolve(lrp_composite(context.options.text("composite"), settings_from(context.options)),
                      folded_),
              Start::gradient_times_outputs) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto found = pass_.run(batch);
    Tensor sent = found.sent.cpu();
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = found.targets.attribution(b);
      attribution.raw = found.arrived[b].cpu().contiguous();
      attribution.map = attribution.raw.sum(0);
      double arrived = attribution.raw.sum(at::kDouble).item<double>();
      attribution.checks = {{"conservationGap", sent[b].item<double>() - arrived}};
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

  std::string unit() const override { return "logits"; }

 private:
  Network folded_;
  BackwardPass pass_;
};

}  // namespace

MethodEntry lrp_method() {
  return {
      "lrp",
      "the target's score, such as a class's logit, handed down from layer to layer in proportion to the "
      "contributions; what does not arrive "
      "at the image "
      "is the conservation gap",
      "Bach et al. 2015; Montavon et al. 2019; for transformers Ali et al. 2022; Achtibat et al. 2024",
      with_common_options(
          {choice_option("composite", "which rule each kind of layer follows", "epsilon-gamma-box",
                         lrp_composite_names())
               .in_paper(std::string("alpha-beta")),
           number_option("epsilon", "keeps small sums of contributions from weighing too much", 1e-6, 0)
               .in_paper(5.0),
           number_option("gamma", "how much more contributions of the output's sign count", 0.25, 0),
           number_option("linearGamma", "the same in linear layers, of attn-lrp and cp-lrp", 0.05, 0),
           number_option(
               "beta",
               "of alpha-beta: the share that is handed to negative contributions, with the opposite sign", 1,
               -1000, 1000)
               .in_paper(-1.0),
           flag_option("biases", "let biases take their part of the relevance", true).in_paper(false),
           numbers_option(
               "low",
               "the smallest value of each channel of an image (default: black, as the model normalises it)"),
           numbers_option("high",
                          "the greatest value of each channel of an image (default: white, as the model "
                          "normalises it)")}),
      make_method<Lrp>};
}

}  // namespace iba
