#pragma once

#include "network/step_state.h"

namespace iba {

/// All dimensions but the first as one.
struct Flatten {
  static constexpr const char* kind() { return "flatten"; }
  static constexpr size_t input_count = 1;

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const { return at::flatten(inputs[0], 1); }

  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const {
    return {gradient.reshape(state.input_shapes[0]).contiguous(state.layout)};
  }
};

/// Gives its input, as dropout does in evaluation.
struct Dropout {
  static constexpr const char* kind() { return "dropout"; }
  static constexpr size_t input_count = 1;
  static constexpr bool elementwise = true;

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const { return inputs[0]; }

  std::vector<Tensor> backward(const StepState&, Tensor gradient) const { return {std::move(gradient)}; }
};

/// Gives its input, in place of a step such as a batch norm that was folded into the convolution before it.
struct Identity {
  static constexpr const char* kind() { return "identity"; }
  static constexpr size_t input_count = 1;
  static constexpr bool elementwise = true;

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const { return inputs[0]; }

  std::vector<Tensor> backward(const StepState&, Tensor gradient) const { return {std::move(gradient)}; }
};

}  // namespace iba
