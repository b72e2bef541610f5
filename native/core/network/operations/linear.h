#pragma once

#include "network/step_state.h"

namespace iba {

struct Linear {
  static constexpr const char* kind() { return "linear"; }
  static constexpr size_t input_count = 1;
  static constexpr bool has_weights = true;

  Tensor weight;
  Tensor bias;  // undefined where there is none

  static void parameters(auto& self, const auto& visit) {
    visit("weight", self.weight);
    if (self.bias.defined()) visit("bias", self.bias);
  }

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const {
    return at::linear(inputs[0], weight, bias);
  }

  std::vector<Tensor> backward(const StepState&, Tensor gradient) const {
    return {at::matmul(gradient, weight)};
  }
};

}  // namespace iba
