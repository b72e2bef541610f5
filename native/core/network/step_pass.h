#pragma once

#include <vector>

#include "network/operation.h"

namespace iba {

/// What one step keeps of its forward pass for its backward pass.
struct StepState {
  std::vector<at::DimVector> input_shapes;
  at::MemoryFormat layout = at::MemoryFormat::Contiguous;  // of the first input
  std::vector<Tensor> inputs;                              // kept for operators, and where a rule reads them
  Tensor output;   // kept where the gradient depends on it (ReLU, operators)
  Tensor indices;  // the winners of a max-pool
};

/// True if nobody else can see this tensor's memory, so that it may be overwritten.
bool is_exclusive(const Tensor& tensor);

/// Computes one operation. Inputs that are exclusive may be overwritten. `state` is filled where it is given.
Tensor forward(const Operation& operation, std::vector<Tensor> inputs, StepState* state);

/// The gradients with respect to the operation's inputs, for the gradient with respect to its output. Weights
/// never get a gradient.
std::vector<Tensor> backward(const Operation& operation, const StepState& state, Tensor gradient);

/// Batch norm as y = scale·x + shift, per channel.
struct ChannelAffine {
  Tensor scale;
  Tensor shift;
};
ChannelAffine channel_affine(const BatchNorm& batch_norm);

}  // namespace iba
