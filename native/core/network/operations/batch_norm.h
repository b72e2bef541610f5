#pragma once

#include "network/elementwise.h"
#include "network/step_state.h"

namespace iba {

/// y = scale·x + shift, per channel.
struct ChannelAffine {
  Tensor scale;
  Tensor shift;
};

struct BatchNorm {
  static constexpr const char* kind() { return "batch-norm"; }
  static constexpr size_t input_count = 1;
  static constexpr bool elementwise = true;

  Tensor weight;
  Tensor bias;
  Tensor running_mean;
  Tensor running_var;
  double epsilon = 1e-5;

  static void parameters(auto& self, const auto& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
    visit("running_mean", self.running_mean);
    visit("running_var", self.running_var);
  }

  ChannelAffine affine() const {
    Tensor scale = weight * at::rsqrt(running_var + epsilon);
    return {scale, bias - running_mean * scale};
  }

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const {
    if (inputs[0].suggest_memory_format() == at::MemoryFormat::Contiguous) {
      // Rounds as PyTorch's own module does.
      return at::batch_norm(inputs[0], weight, bias, running_mean, running_var, false, 0, epsilon, false);
    }
    auto [scale, shift] = affine();
    return scale_and_shift(std::move(inputs[0]), scale, shift);
  }

  std::vector<Tensor> backward(const StepState&, Tensor gradient) const {
    return {scaled(std::move(gradient), affine().scale)};
  }
};

}  // namespace iba
