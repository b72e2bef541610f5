#include "import/native_operator.h"

#include <set>

#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/jit/runtime/operator.h>

namespace iba::imported {

namespace {

/// Memory that nobody has written to would let a model read what the process kept there before.
bool leaves_memory_unwritten(const std::string& name) {
  return name == "aten::empty" || name == "aten::empty_like" || name == "aten::new_empty" ||
         name == "aten::empty_permuted";
}

NativeOperator from_dispatcher(const c10::OperatorHandle& op) {
  bool fill = leaves_memory_unwritten(op.schema().name());
  return {op.schema(), [op, fill](torch::jit::Stack& stack) {
            op.callBoxed(&stack);
            if (fill) stack.back().toTensor().zero_();
          }};
}

template <typename Agrees>
std::optional<NativeOperator> find_overload(const std::string& name, const Agrees& agrees) {
  for (const auto& op : torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name))) {
    if (agrees(op->schema())) return find_operator(name, op->schema().overload_name());
  }
  return std::nullopt;
}

}  // namespace

std::optional<NativeOperator> find_operator(const std::string& name, const std::string& overload) {
  if (auto handle = c10::Dispatcher::singleton().findSchema({name, overload}))
    return from_dispatcher(*handle);
  // TorchScript's own operators, mostly on numbers.
  for (const auto& op : torch::jit::getAllOperatorsFor(c10::Symbol::fromQualString(name))) {
    if (op->schema().overload_name() != overload || !op->hasOperation()) continue;
    return NativeOperator{op->schema(),
                          [run = op->getOperation()](torch::jit::Stack& stack) mutable { run(stack); }};
  }
  return std::nullopt;
}

std::optional<NativeOperator> find_functional(const std::string& name, const c10::FunctionSchema& schema) {
  const auto& wanted = schema.arguments();
  return find_overload(name, [&](const c10::FunctionSchema& other) {
    if (is_in_place(other) || other.arguments().size() != wanted.size() || other.returns().size() != 1)
      return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const auto& argument = other.arguments()[i];
      // The tensor itself is `self` in one form and `input` in the other.
      if (*argument.type() != *wanted[i].type() || (i > 0 && argument.name() != wanted[i].name()))
        return false;
    }
    return true;
  });
}

std::optional<NativeOperator> find_for_numbers(const c10::FunctionSchema& schema,
                                               const std::vector<bool>& is_number) {
  const auto& wanted = schema.arguments();
  return find_overload(schema.name(), [&](const c10::FunctionSchema& other) {
    if (other.arguments().size() != wanted.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const auto& argument = other.arguments()[i];
      bool fits = is_number[i] ? argument.type()->kind() == c10::TypeKind::NumberType
                               : *argument.type() == *wanted[i].type();
      if (!fits || argument.name() != wanted[i].name()) return false;
    }
    return true;
  });
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

}  // namespace iba::imported
