#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/function_schema.h>
#include <ATen/core/stack.h>

namespace iba::imported {

/// One of LibTorch's operators: what it takes, and how to run it. Nothing in it refers to the model's file.
struct NativeOperator {
  c10::FunctionSchema schema;
  std::function<void(torch::jit::Stack&)> run;
};

/// The operator of that name, such as "aten::add", and overload, such as "Tensor".
std::optional<NativeOperator> find_operator(const std::string& name, const std::string& overload);

/// The overload of the functional operator `name` that takes, argument by argument, what the in-place
/// operator `schema` takes.
std::optional<NativeOperator> find_functional(const std::string& name, const c10::FunctionSchema& schema);

/// The overload of the same operator that takes numbers where `is_number` says so, and otherwise the same.
std::optional<NativeOperator> find_for_numbers(const c10::FunctionSchema& schema,
                                               const std::vector<bool>& is_number);

/// Whether the operator tells of a tensor something that its pixels don't decide.
bool asks_for_shape(const std::string& name);

/// Whether it reads of a tensor no more than shape and type.
bool makes_fresh_tensor(const std::string& name);

/// Whether it gave the same values again, perhaps in memory of its own.
bool keeps_values(const std::string& name, const at::IValue& before, const at::IValue& after);

/// Whether it writes to its first argument, or to another one.
bool is_in_place(const c10::FunctionSchema& schema);
bool writes_elsewhere(const c10::FunctionSchema& schema);

/// "aten::add" for its in-place form "aten::add_".
std::string functional_name(const std::string& name);

/// "add" for "aten::add_", "conv2d" for "aten::_convolution".
std::string step_name(const std::string& operator_name);

}  // namespace iba::imported
