#include "attribution/rules/pattern_rules.h"

#include "error.h"

namespace iba {

namespace {

const Tensor* weights_of(const Operation& operation) {
  if (const auto* convolution = std::get_if<Convolution>(&operation)) return &convolution->weight;
  if (const auto* linear = std::get_if<Linear>(&operation)) return &linear->weight;
  return nullptr;
}

Operation with_weights(const Operation& operation, const Tensor& weights) {
  if (const auto* convolution = std::get_if<Convolution>(&operation)) {
    Convolution changed = *convolution;
    changed.weight = weights;
    return changed;
  }
  Linear changed = std::get<Linear>(operation);
  changed.weight = weights;
  return changed;
}

}  // namespace

Rule weights_rule(const Tensor& weights) {
  return {[weights](const Operation& operation, const StepState& state, const Tensor& gradient) {
    return backward(with_weights(operation, weights), state, gradient);
  }};
}

StepRules pattern_rules(const Network& folded, const ModelPatterns& patterns, PatternUse use) {
  StepRules rules(folded.steps.size());
  for (size_t i = 0; i < folded.steps.size(); ++i) {
    const Step& step = folded.steps[i];
    const Tensor* weights = weights_of(step.operation);
    if (!weights) continue;
    auto layer = patterns.layers.find(step.name());
    if (layer == patterns.layers.end() || layer->second.shape() != weights->sizes()) {
      throw Error("PATTERNS", "There is no pattern that fits the layer '" + step.name() +
                                  "'. Fit the patterns again with this model.");
    }
    Tensor pattern = layer->second.pattern(*weights);
    if (use == PatternUse::attribution) pattern = pattern * *weights;
    pattern = pattern.contiguous(weights->suggest_memory_format());
    rules[i] = std::make_shared<const Rule>(weights_rule(pattern));
  }
  return rules;
}

}  // namespace iba
