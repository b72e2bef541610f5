#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "network/operations/batch_norm.h"
#include "network/operations/convolution.h"
#include "network/operations/joining.h"
#include "network/operations/linear.h"
#include "network/operations/operator.h"
#include "network/operations/pass_through.h"
#include "network/operations/pooling.h"
#include "network/operations/relu.h"
#include "network/operations/same_pad.h"

namespace iba {

/// What a step of a network computes: its parameters and settings with PyTorch's meaning, in evaluation mode,
/// on NCHW activations. Each says of itself its `kind`, how many inputs it reads (`input_count`, absent where
/// any number), its `forward` and its `backward`, and, where it applies, its `parameters`, whether it is a
/// weighted sum of its input (`has_weights`), is `elementwise`, or reads its input through a `window`.
/// `Operator` stands for LibTorch's operators that have no kind of their own here.
using Operation =
    std::variant<Convolution, Linear, BatchNorm, Relu, MaxPool, AveragePool, AdaptiveAveragePool, Add,
                 Concatenate, Flatten, Dropout, Identity, SamePad, Operator>;

/// The operation's name as users see it and rule tables know it, such as "convolution" or "max-pool"; for an
/// `Operator`, LibTorch's own, such as "gelu".
std::string kind(const Operation& operation);

/// How many inputs it reads; absent where it may be any number.
std::optional<size_t> input_count(const Operation& operation);

/// Computes the operation. Inputs that are exclusive may be overwritten. `state` is filled where it is given.
Tensor forward(const Operation& operation, std::vector<Tensor> inputs, StepState* state);

/// The gradients with respect to the operation's inputs, for the gradient with respect to its output. Weights
/// never get a gradient.
std::vector<Tensor> backward(const Operation& operation, const StepState& state, Tensor gradient);

/// Calls `visit(name, tensor)` for each parameter or buffer, under PyTorch's names ("weight",
/// "running_mean"; for an `Operator`, the names of its arguments).
template <typename Op, typename Visitor>
void visit_parameters(Op& operation, const Visitor& visit) {
  std::visit(
      [&](auto& op) {
        if constexpr (requires { op.parameters(op, visit); }) op.parameters(op, visit);
      },
      operation);
}

/// The weight and bias of a weighted sum.
struct Weights {
  Tensor weight;
  Tensor bias;  // undefined where there is none
};

/// Absent where the operation is no weighted sum of its input.
std::optional<Weights> weights_of(const Operation& operation);

/// The same operation with other weights; unchanged where it has none.
Operation with_weights(Operation operation, const Weights& weights);

/// Whether it computes each element of its output from the same one of its input.
bool is_elementwise(const Operation& operation);

/// What each output reads of the input; absent where that isn't the same at every place.
std::optional<Window> window_of(const Operation& operation);

/// The same operation on inputs that bring their own border.
Operation without_padding(Operation operation);

/// Whether the result is a number, such as a batch size, rather than an activation.
bool makes_number(const Operation& operation);

}  // namespace iba
