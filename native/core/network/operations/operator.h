#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/stack.h>

#include "network/step_state.h"

namespace iba {

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

  /// The parameters by the names of the arguments.
  static void parameters(auto& self, const auto& visit) { visit_parameters(self.arguments, visit); }

  Tensor forward(std::vector<Tensor>& inputs, StepState* state) const;
  std::vector<Tensor> backward(const StepState& state, Tensor gradient) const;

 private:
  static void visit_parameters(auto& arguments, const auto& visit) {
    for (auto& argument : arguments) {
      if (argument.form == OperatorArgument::Form::parameter) {
        visit(argument.name.c_str(), argument.parameter);
      }
      visit_parameters(argument.elements, visit);
    }
  }
};

}  // namespace iba
