#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/stack.h>

#include "torch.h"

namespace iba {

using at::Tensor;

/// One argument of an `Operator`: a constant, a parameter, a value of the network, or a list of those.
/// Numbers that are computed, such as a batch size, flow through a network as CPU tensors without dimensions
/// (lists of integers, with one), and are handed over as what the operator takes.
struct OperatorArgument {
  enum class Form { constant, parameter, tensor, integer, real, boolean, integers, list };

  std::string name;  // the schema's, such as "weight"
  Form form = Form::constant;
  at::IValue constant;
  Tensor parameter;
  size_t input = 0;                        // which of the step's inputs
  at::TypePtr element_type;                // of a list
  std::vector<OperatorArgument> elements;  // of a list
};

/// An operation that runs through LibTorch's own operator, and is differentiated by it.
struct Operator {
  std::string name;  // with its namespace, such as "aten::gelu"
  /// Takes the arguments off the stack and puts the results on it.
  std::function<void(torch::jit::Stack&)> run;
  std::vector<OperatorArgument> arguments;
  /// Which of several results, or of the elements of a list, is meant.
  std::optional<size_t> element;
  /// Whether the result is a number (or a list of integers) rather than an activation: no gradient flows
  /// through it.
  bool makes_number = false;

  /// The name without the namespace, with hyphens, such as "layer-norm".
  std::string kind() const;
};

/// The operator's result on these inputs. Under autograd, if that is on.
Tensor call(const Operator& op, const std::vector<Tensor>& inputs);

/// Calls `visit(name, tensor)` for each parameter.
template <typename Arguments, typename Visitor>
void visit_arguments(Arguments& arguments, const Visitor& visit) {
  for (auto& argument : arguments) {
    if (argument.form == OperatorArgument::Form::parameter) visit(argument.name.c_str(), argument.parameter);
    visit_arguments(argument.elements, visit);
  }
}

}  // namespace iba
