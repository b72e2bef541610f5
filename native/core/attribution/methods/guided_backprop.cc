#include "attribution/methods/methods.h"

#include "attribution/passes.h"
#include "attribution/rules/gradient_rules.h"

namespace iba {

namespace {

template <ReluRules (*rules_for)(const Network&)>
class RuledGradient : public Method {
 public:
  explicit RuledGradient(const MethodContext& context)
      : rules_(rules_for(context.network)), pass_(context.network, context.network.input, rules_.rules) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    auto found = pass_.run(batch);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = found.targets.attribution(b);
      add_checks(rules_, attribution);
      attribution.raw = found.arrived[b].cpu().contiguous();
      attribution.map = attribution.raw.abs().amax(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  ReluRules rules_;
  BackwardPass pass_;
};

}  // namespace

MethodEntry guided_backprop_method() {
  return {
      "guided-backprop",
      "the gradient with only what is positive passing each ReLU, where the ReLU was active; the greatest "
      "absolute value over the colours",
      "Springenberg et al. 2015", with_common_options(), make_method<RuledGradient<guided_backprop_rules>>};
}

MethodEntry deconvnet_method() {
  return {
      "deconvnet",
      "the gradient with only what is positive passing each ReLU, whether or not the ReLU was active; the "
      "greatest absolute value over the colours",
      "Zeiler and Fergus 2014", with_common_options(), make_method<RuledGradient<deconvnet_rules>>};
}

}  // namespace iba
