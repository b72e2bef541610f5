#include "attribution/rules/operator_arguments.h"

namespace iba {

namespace {

const OperatorArgument* find(const Operator& op, const std::string& name, OperatorArgument::Form form) {
  for (const auto& argument : op.arguments) {
    if (argument.name == name && argument.form == form) return &argument;
  }
  return nullptr;
}

}  // namespace

std::optional<double> number_argument(const Operator& op, const std::string& name) {
  const auto* argument = find(op, name, OperatorArgument::Form::constant);
  if (!argument || !argument->constant.isScalar()) return std::nullopt;
  return argument->constant.toScalar().toDouble();
}

Tensor parameter_argument(const Operator& op, const std::string& name) {
  const auto* argument = find(op, name, OperatorArgument::Form::parameter);
  return argument ? argument->parameter : Tensor();
}

std::optional<size_t> input_argument(const Operator& op, const std::string& name) {
  const auto* argument = find(op, name, OperatorArgument::Form::tensor);
  return argument ? std::optional(argument->input) : std::nullopt;
}

}  // namespace iba
