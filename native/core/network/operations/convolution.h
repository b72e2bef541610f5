#pragma once

#include "network/operations/window.h"

namespace iba {

struct Convolution {
  static constexpr const char* kind() { return "convolution"; }
  static constexpr size_t input_count = 1;
  static constexpr bool has_weights = true;

  Tensor weight;
  Tensor bias;  // undefined where there is none
  Pair stride{1, 1};
  Pair padding{0, 0};
  Pair dilation{1, 1};
  int64_t groups = 1;

  static void parameters(auto& self, const auto& visit) {
    visit("weight", self.weight);
    if (self.bias.defined()) visit("bias", self.bias);
  }

  std::optional<Window> window() const {
    return Window{dilated({weight.size(2), weight.size(3)}, dilation), stride, padding};
  }

  Tensor forward(std::vector<Tensor>& inputs, StepState* state) const;
  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const;
};

}  // namespace iba
