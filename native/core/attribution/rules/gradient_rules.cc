#include "attribution/rules/gradient_rules.h"

namespace iba {

RuleTable guided_backprop_rules() {
  Rule relu{[](const Operation&, const StepState& state, const Tensor& gradient) {
    return std::vector<Tensor>{at::threshold_backward(at::relu(gradient), state.output, 0)};
  }};
  return {"guided-backprop", {{"relu", relu}}};
}

RuleTable deconvnet_rules() {
  Rule relu{[](const Operation&, const StepState&, const Tensor& gradient) {
    return std::vector<Tensor>{at::relu(gradient)};
  }};
  return {"deconvnet", {{"relu", relu}}};
}

}  // namespace iba
