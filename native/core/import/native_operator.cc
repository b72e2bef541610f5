#include "import/native_operator.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/runtime/operator.h>

namespace iba::imported {

std::optional<NativeOperator> find_operator(const std::string& name, const std::string& overload) {
  if (auto handle = c10::Dispatcher::singleton().findSchema({name, overload})) {
    return NativeOperator{handle->schema(),
                          [op = *handle](torch::jit::Stack& stack) { op.callBoxed(&stack); }};
  }
  // TorchScript's own operators, mostly on numbers.
  for (const auto& op : torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name))) {
    if (op->schema().overload_name() != overload || !op->hasOperation()) continue;
    return NativeOperator{op->schema(),
                          [run = op->getOperation()](torch::jit::Stack& stack) mutable { run(stack); }};
  }
  return std::nullopt;
}

std::optional<NativeOperator> find_functional(const std::string& name, const c10::FunctionSchema& schema) {
  if (auto same = find_operator(name, schema.overload_name())) {
    if (same->schema.arguments().size() == schema.arguments().size()) return same;
  }
  return std::nullopt;
}

}  // namespace iba::imported
