#include "attribution/methods/methods.h"

#include "attribution/passes.h"
#include "attribution/patterns.h"
#include "attribution/rules/pattern_rules.h"
#include "network/batch_norm_folding.h"

namespace iba {

namespace {

template <PatternUse use>
class PatternGradient : public Method {
 public:
  explicit PatternGradient(const MethodContext& context)
      : folded_(fold_batch_norms(context.network)),
        pass_(folded_, folded_.input, pattern_rules(folded_, *context.resources.patterns, use)) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto found = pass_.run(batch);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = found.targets.attribution(b);
      attribution.raw = found.arrived[b].cpu().contiguous();
      attribution.map = use == PatternUse::signal ? attribution.raw.abs().amax(0) : attribution.raw.sum(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  Network folded_;
  BackwardPass pass_;
};

}  // namespace

MethodEntry pattern_net_method() {
  return {"patternnet",
          "the gradient with each weight replaced by the direction that its neuron detects in the data; the "
          "greatest "
          "absolute value over the colours",
          "Kindermans et al. 2018",
          with_common_options(),
          make_method<PatternGradient<PatternUse::signal>>,
          {Resource::patterns}};
}

MethodEntry pattern_attribution_method() {
  return {"pattern-attribution",
          "the gradient with each weight multiplied by the direction that its neuron detects in the data, "
          "summed over the "
          "colours",
          "Kindermans et al. 2018",
          with_common_options(),
          make_method<PatternGradient<PatternUse::attribution>>,
          {Resource::patterns}};
}

}  // namespace iba
