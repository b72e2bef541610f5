#pragma once

#include <functional>
#include <optional>
#include <string>

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

/// The overload of the functional operator `name` that takes what the in-place operator `schema` takes.
std::optional<NativeOperator> find_functional(const std::string& name, const c10::FunctionSchema& schema);

}  // namespace iba::imported
