#include "import/native_operator.h"

#include <algorithm>
#include <set>

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

bool asks_for_shape(const std::string& name) {
  static const std::set<std::string> kNames = {
      "aten::size",       "aten::sym_size",  "aten::dim",          "aten::numel",
      "aten::sym_numel",  "aten::len",       "aten::stride",       "aten::is_floating_point",
      "aten::is_complex", "prim::dtype",     "prim::device",       "prim::layout",
      "prim::is_cuda",    "prim::is_nested", "prim::is_cpu",       "prim::is_quantized",
      "prim::is_sparse",  "prim::type",      "aten::is_contiguous"};
  return kNames.contains(name);
}

bool makes_fresh_tensor(const std::string& name) {
  static const std::set<std::string> kNames = {"aten::new_zeros",  "aten::new_ones",   "aten::new_full",
                                               "aten::new_empty",  "aten::zeros_like", "aten::ones_like",
                                               "aten::empty_like", "aten::full_like"};
  return kNames.contains(name);
}

bool keeps_values(const std::string& name, const at::IValue& before, const at::IValue& after) {
  static const std::set<std::string> kNames = {"aten::contiguous", "aten::clone", "aten::alias",
                                               "aten::lift_fresh", "aten::to",    "aten::lift_fresh_copy",
                                               "aten::_to_copy"};
  return kNames.contains(name) && before.isTensor() && after.isTensor() &&
         before.toTensor().scalar_type() == after.toTensor().scalar_type() &&
         before.toTensor().sizes() == after.toTensor().sizes();
}

bool is_in_place(const c10::FunctionSchema& schema) {
  if (schema.arguments().empty()) return false;
  const auto* alias = schema.arguments()[0].alias_info();
  return alias && alias->isWrite();
}

bool writes_elsewhere(const c10::FunctionSchema& schema) {
  for (size_t i = 1; i < schema.arguments().size(); ++i) {
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias && alias->isWrite()) return true;
  }
  return false;
}

std::string functional_name(const std::string& name) {
  return name.ends_with("_") && !name.ends_with("__") ? name.substr(0, name.size() - 1) : name;
}

std::string step_name(const std::string& operator_name) {
  std::string name = operator_name.substr(operator_name.rfind(':') + 1);
  while (name.size() > 1 && name.front() == '_') name.erase(0, 1);
  while (name.size() > 1 && name.back() == '_') name.pop_back();
  return name;
}

bool touches_files(const c10::FunctionSchema& schema) {
  const auto& arguments = schema.arguments();
  return std::any_of(arguments.begin(), arguments.end(),
                     [](const c10::Argument& argument) { return argument.name() == "filename"; });
}

}  // namespace iba::imported
