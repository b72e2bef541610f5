#pragma once

#include <optional>
#include <vector>

#include <ATen/core/function_schema.h>

#include "import/item.h"

namespace iba::imported {

/// What an operator computes as operations that the network knows by kind: the first reads `inputs`, each
/// following one what the one before it makes.
struct KnownOperation {
  std::vector<Operation> operations;
  std::vector<Item> inputs;
};

/// Absent where no kind of operation computes exactly what the operator does with these arguments.
std::optional<KnownOperation> known_operation(const c10::FunctionSchema& schema,
                                              const std::vector<Item>& arguments);

/// The arguments of a step that runs the operator itself. Appends the values it reads to `inputs`.
std::vector<OperatorArgument> operator_arguments(const c10::FunctionSchema& schema,
                                                 const std::vector<Item>& arguments,
                                                 std::vector<ValueId>& inputs);

}  // namespace iba::imported
