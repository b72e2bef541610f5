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
    return at::linear(rows_together(inputs[0]), weight, bias);
  }

  std::vector<Tensor> backward(const StepState&, Tensor gradient) const {
    return {at::matmul(rows_together(gradient), weight)};
  }

 private:
  /// Rows that don't lie one behind the other, as of tokens whose sequence and batch were exchanged, LibTorch
  /// multiplies in parts, and in bfloat16 copies the weights for each. In float on the processor it is let,
  /// so that results stay what they are.
  static Tensor rows_together(const Tensor& x) {
    const bool is_let = x.dim() < 3 || (x.is_cpu() && x.scalar_type() != at::kBFloat16);
    return is_let ? x : x.contiguous();
  }
};

}  // namespace iba
