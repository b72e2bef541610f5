#pragma once

#include <optional>

#include "network/elementwise.h"
#include "network/step_state.h"

namespace iba {

/// max(0, x), or the lesser of that and a limit, as in ReLU6.
struct Relu {
  static constexpr const char* kind() { return "relu"; }
  static constexpr size_t input_count = 1;
  static constexpr bool elementwise = true;

  std::optional<double> limit = std::nullopt;

  Tensor forward(std::vector<Tensor>& inputs, StepState* state) const {
    Tensor& x = inputs[0];
    Tensor output = limit ? at::hardtanh(x, 0, *limit) : is_exclusive(x) ? at::relu_(x) : at::relu(x);
    if (state) state->output = output;
    return output;
  }

  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const {
    if (limit) return {at::hardtanh_backward(gradient, state.output, 0, *limit)};
    return {relu_backward(std::move(gradient), state.output)};
  }
};

}  // namespace iba
