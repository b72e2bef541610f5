#pragma once

#include <array>
#include <vector>

#include "torch.h"

namespace iba {

using at::Tensor;
using Pair = std::array<int64_t, 2>;

/// What one step keeps of its forward pass for its backward pass.
struct StepState {
  std::vector<at::DimVector> input_shapes;
  at::MemoryFormat layout = at::MemoryFormat::Contiguous;  // of the first input
  std::vector<Tensor> inputs;                              // kept for operators, and where a rule reads them
  Tensor output;   // kept where the gradient depends on it (ReLU, operators)
  Tensor indices;  // the winners of a max-pool

  /// What a weighted sum's gradient needs of its input.
  void keep_shapes(const std::vector<Tensor>& of_inputs) {
    for (const auto& input : of_inputs) input_shapes.emplace_back(input.sizes());
    layout = of_inputs[0].suggest_memory_format();
  }

  /// Memory of the first input's shape that is never read: some kernels take it for its shape.
  Tensor input_placeholder(const Tensor& gradient) const {
    return at::empty(input_shapes[0], gradient.options(), gradient.suggest_memory_format());
  }
};

/// True if nobody else can see this tensor's memory, so that it may be overwritten.
inline bool is_exclusive(const Tensor& tensor) {
  return tensor.use_count() == 1 && tensor.storage().use_count() == 1 && !tensor.requires_grad() &&
         tensor.is_non_overlapping_and_dense();
}

}  // namespace iba
