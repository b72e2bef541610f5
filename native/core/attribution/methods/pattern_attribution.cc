#include "attribution/methods/methods.h"

#include "attribution/passes.h"
#include "attribution/patterns.h"
#include "attribution/rules/pattern_rules.h"
#include "error.h"
#include "network/batch_norm_folding.h"
#include "network/fingerprint.h"

namespace iba {

namespace {

ModelPatterns patterns_for(const Network& network, const Options& options) {
  auto patterns = PatternsFile::read(options.text("patterns"));
  std::string hash = weight_fingerprint(network);
  if (patterns.architecture == network.architecture && patterns.weight_hash == hash) return patterns;
  throw Error("PATTERNS", "These patterns were fitted with " + patterns.architecture + " (weights " +
                              patterns.weight_hash + "), not with this " + network.architecture +
                              " (weights " + hash + "). Fit them again with this model.");
}

template <PatternUse use>
class PatternGradient : public Method {
 public:
  PatternGradient(const Network& network, const Options& options)
      : folded_(fold_batch_norms(network)),
        pass_(folded_, folded_.input, pattern_rules(folded_, patterns_for(network, options), use)) {}

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

template <PatternUse use>
std::unique_ptr<Method> make(const Network& network, const Options& options) {
  return std::make_unique<PatternGradient<use>>(network, options);
}

std::vector<OptionSpec> patterns_option() {
  return {text_option("patterns", "the file that `iba fit-patterns` wrote for this model").as_required()};
}

}  // namespace

MethodEntry pattern_net_method() {
  return {"patternnet",
          "the gradient with each weight replaced by the direction that its neuron detects in the data; the "
          "greatest "
          "absolute value over the colours",
          "Kindermans et al. 2018", patterns_option(), make<PatternUse::signal>};
}

MethodEntry pattern_attribution_method() {
  return {"pattern-attribution",
          "the gradient with each weight multiplied by the direction that its neuron detects in the data, "
          "summed over the "
          "colours",
          "Kindermans et al. 2018", patterns_option(), make<PatternUse::attribution>};
}

}  // namespace iba
