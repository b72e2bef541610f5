#include "network/operation.h"

namespace iba {

std::string kind(const Operation& operation) {
  return std::visit([](const auto& op) { return std::string(op.kind()); }, operation);
}

std::optional<size_t> input_count(const Operation& operation) {
  return std::visit(
      [](const auto& op) -> std::optional<size_t> {
        if constexpr (requires { op.input_count; }) return op.input_count;
        return std::nullopt;
      },
      operation);
}

Tensor forward(const Operation& operation, std::vector<Tensor> inputs, StepState* state) {
  if (state) state->keep_shapes(inputs);
  return std::visit([&](const auto& op) { return op.forward(inputs, state); }, operation);
}

std::vector<Tensor> backward(const Operation& operation, const StepState& state, Tensor gradient) {
  return std::visit([&](const auto& op) { return op.backward(state, std::move(gradient)); }, operation);
}

std::optional<Weights> weights_of(const Operation& operation) {
  return std::visit(
      [](const auto& op) -> std::optional<Weights> {
        if constexpr (requires { op.has_weights; }) return Weights{op.weight, op.bias};
        return std::nullopt;
      },
      operation);
}

Operation with_weights(Operation operation, const Weights& weights) {
  std::visit(
      [&](auto& op) {
        if constexpr (requires { op.has_weights; })
          std::tie(op.weight, op.bias) = std::tie(weights.weight, weights.bias);
      },
      operation);
  return operation;
}

bool is_elementwise(const Operation& operation) {
  return std::visit([](const auto& op) { return requires { op.elementwise; }; }, operation);
}

std::optional<Window> window_of(const Operation& operation) {
  return std::visit(
      [](const auto& op) -> std::optional<Window> {
        if constexpr (requires { op.window(); }) return op.window();
        return std::nullopt;
      },
      operation);
}

Operation without_padding(Operation operation) {
  std::visit(
      [](auto& op) {
        if constexpr (requires { op.padding; }) op.padding = {0, 0};
      },
      operation);
  return operation;
}

bool makes_number(const Operation& operation) {
  const auto* op = std::get_if<Operator>(&operation);
  return op && op->makes_number;
}

}  // namespace iba
