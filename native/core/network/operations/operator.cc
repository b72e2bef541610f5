#include "network/operations/operator.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "error.h"

namespace iba {

namespace {

at::IValue to_value(const OperatorArgument& argument, const std::vector<Tensor>& inputs);

at::IValue to_list(const OperatorArgument& argument, const std::vector<Tensor>& inputs) {
  c10::impl::GenericList list(argument.element_type);
  for (const auto& element : argument.elements) list.push_back(to_value(element, inputs));
  return list;
}

std::vector<int64_t> to_integers(const Tensor& numbers) {
  Tensor values = numbers.contiguous();
  const int64_t* first = values.const_data_ptr<int64_t>();
  return {first, first + values.numel()};
}

at::IValue to_value(const OperatorArgument& argument, const std::vector<Tensor>& inputs) {
  switch (argument.form) {
    case OperatorArgument::Form::constant:
      return argument.constant;
    case OperatorArgument::Form::parameter:
      return argument.parameter;
    case OperatorArgument::Form::tensor:
      return inputs[argument.input];
    case OperatorArgument::Form::integer:
      return inputs[argument.input].item<int64_t>();
    case OperatorArgument::Form::real:
      return inputs[argument.input].item<double>();
    case OperatorArgument::Form::boolean:
      return inputs[argument.input].item<bool>();
    case OperatorArgument::Form::integers:
      return to_integers(inputs[argument.input]);
    case OperatorArgument::Form::list:
      return to_list(argument, inputs);
  }
  throw Error(ErrorCode::model, "An operator has an argument of an unknown form.");
}

at::IValue element_of(const at::IValue& values, size_t index) {
  if (values.isTuple()) return values.toTupleRef().elements().at(index);
  return values.toListRef().at(index);
}

Tensor to_tensor(const Operator& op, const at::IValue& value) {
  if (value.isTensor()) return value.toTensor();
  if (value.isInt()) return at::scalar_tensor(value.toInt(), at::kLong);
  if (value.isDouble()) return at::scalar_tensor(value.toDouble(), at::kDouble);
  if (value.isBool()) return at::scalar_tensor(value.toBool(), at::kBool);
  if (value.isIntList()) return at::tensor(value.toIntVector(), at::kLong);
  throw Error(ErrorCode::model, "The operator '" + op.name + "' gives a " + value.tagKind() +
                                    ", which is neither an activation nor a number.");
}

Tensor call(const Operator& op, const std::vector<Tensor>& inputs) {
  torch::jit::Stack stack;
  for (const auto& argument : op.arguments) stack.push_back(to_value(argument, inputs));
  op.run(stack);
  if (stack.size() > 1) return to_tensor(op, stack.at(op.element.value_or(0)));
  return to_tensor(op, op.element ? element_of(stack.at(0), *op.element) : stack.at(0));
}

}  // namespace

std::string Operator::kind() const {
  std::string kind = name.substr(name.rfind(':') + 1);
  std::replace(kind.begin(), kind.end(), '_', '-');
  return kind;
}

Tensor Operator::forward(std::vector<Tensor>& inputs, StepState* state) const {
  if (!state || makes_number) return call(*this, inputs);
  // Leaves of a small graph of autograd's own, which reaches no further than this step.
  at::AutoGradMode recording(true);
  for (auto& input : inputs) {
    input = input.detach();
    if (input.is_floating_point() && input.dim() > 0) input.requires_grad_();
  }
  state->inputs = inputs;
  state->output = call(*this, inputs);
  return state->output.detach();
}

std::vector<Tensor> Operator::backward(const StepState& state, Tensor gradient) const {
  std::vector<Tensor> all(state.inputs.size());
  if (makes_number || !state.output.requires_grad()) return all;
  std::vector<Tensor> leaves;
  for (const auto& input : state.inputs) {
    if (input.requires_grad()) leaves.push_back(input);
  }
  auto found = torch::autograd::grad({state.output}, leaves, {gradient}, false, false, true);
  auto next = found.begin();
  for (size_t i = 0; i < all.size(); ++i) {
    if (state.inputs[i].requires_grad()) all[i] = *next++;
  }
  return all;
}

}  // namespace iba
