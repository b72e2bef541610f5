#pragma once

#include <ATen/WrapDimUtils.h>

#include "network/step_state.h"

namespace iba {

/// The sum of two inputs of one shape.
struct Add {
  static constexpr const char* kind() { return "add"; }
  static constexpr size_t input_count = 2;

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const {
    if (is_exclusive(inputs[0])) return inputs[0].add_(inputs[1]);
    return at::add(inputs[0], inputs[1]);
  }

  std::vector<Tensor> backward(const StepState&, Tensor gradient) const { return {gradient, gradient}; }
};

/// The concatenation of its inputs along a dimension, usually the channels.
struct Concatenate {
  static constexpr const char* kind() { return "concatenate"; }

  int64_t dimension = 1;

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const { return at::cat(inputs, dimension); }

  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const {
    std::vector<int64_t> extents;
    for (const auto& shape : state.input_shapes) {
      extents.push_back(shape[at::maybe_wrap_dim(dimension, static_cast<int64_t>(shape.size()))]);
    }
    return gradient.split_with_sizes(extents, dimension);
  }
};

}  // namespace iba
