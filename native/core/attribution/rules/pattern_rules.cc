#include "attribution/rules/pattern_rules.h"

#include "error.h"

namespace iba {

Rule weights_rule(const Tensor& weights) {
  return {[weights](const Operation& operation, const StepState& state, const Tensor& gradient) {
    return backward(with_weights(operation, {weights, Tensor()}), state, gradient);
  }};
}

StepRules pattern_rules(const Network& folded, const ModelPatterns& patterns, PatternUse use) {
  StepRules rules(folded.steps.size());
  for (size_t i = 0; i < folded.steps.size(); ++i) {
    const Step& step = folded.steps[i];
    auto weights = weights_of(step.operation);
    if (!weights) continue;
    const Tensor& weight = weights->weight;
    auto layer = patterns.layers.find(step.name());
    if (layer == patterns.layers.end() || layer->second.shape() != weight.sizes()) {
      throw Error(ErrorCode::patterns, "There is no pattern that fits the layer '" + step.name() +
                                           "'. Fit the patterns again with this model.");
    }
    Tensor pattern = layer->second.pattern(weight);
    if (use == PatternUse::attribution) pattern = pattern * weight;
    pattern = pattern.contiguous(weight.suggest_memory_format());
    rules[i] = std::make_shared<const Rule>(weights_rule(pattern));
  }
  return rules;
}

}  // namespace iba
