#pragma once

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "network/operator_call.h"
#include "torch.h"

namespace iba {

using Pair = std::array<int64_t, 2>;

/// What a step of a network computes. Each operation is its parameters and settings, with PyTorch's meaning
/// of every one of them, in evaluation mode; activations are NCHW.
struct Convolution {
  Tensor weight;
  Tensor bias;  // undefined where there is none
  Pair stride{1, 1};
  Pair padding{0, 0};
  Pair dilation{1, 1};
  int64_t groups = 1;
};

struct Linear {
  Tensor weight;
  Tensor bias;
};

struct BatchNorm {
  Tensor weight;
  Tensor bias;
  Tensor running_mean;
  Tensor running_var;
  double epsilon = 1e-5;
};

struct Relu {};

struct MaxPool {
  Pair kernel{2, 2};
  Pair stride{2, 2};
  Pair padding{0, 0};
  Pair dilation{1, 1};
  bool ceil_mode = false;
};

struct AveragePool {
  Pair kernel{2, 2};
  Pair stride{2, 2};
  Pair padding{0, 0};
  bool ceil_mode = false;
  bool count_include_pad = true;
};

struct AdaptiveAveragePool {
  Pair size{1, 1};
};

struct Add {};

/// The concatenation of its inputs along a dimension, usually the channels.
struct Concatenate {
  int64_t dimension = 1;
};

struct Flatten {};

struct Dropout {};

/// What gives its input, such as a batch norm that was folded into the convolution before it.
struct Identity {};

/// `Operator` stands for every operation of LibTorch's that has no kind of its own here.
using Operation = std::variant<Convolution, Linear, BatchNorm, Relu, MaxPool, AveragePool,
                               AdaptiveAveragePool, Add, Concatenate, Flatten, Dropout, Identity, Operator>;

/// The operation's name as users see it and rule tables know it, such as "convolution" or "max-pool"; for an
/// `Operator`, LibTorch's own, such as "gelu".
std::string kind(const Operation& operation);

/// Calls `visit(name, tensor)` for each parameter or buffer, under PyTorch's names ("weight",
/// "running_mean"; for an `Operator`, the names of its arguments).
template <typename Op, typename Visitor>
void visit_parameters(Op& operation, const Visitor& visit) {
  std::visit(
      [&](auto& op) {
        using T = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<T, Convolution> || std::is_same_v<T, Linear>) {
          visit("weight", op.weight);
          if (op.bias.defined()) visit("bias", op.bias);
        } else if constexpr (std::is_same_v<T, BatchNorm>) {
          visit("weight", op.weight);
          visit("bias", op.bias);
          visit("running_mean", op.running_mean);
          visit("running_var", op.running_var);
        } else if constexpr (std::is_same_v<T, Operator>) {
          visit_arguments(op.arguments, visit);
        }
      },
      operation);
}

}  // namespace iba
