#pragma once

#include <string>
#include <vector>

#include <ATen/core/function_schema.h>

#include "import/item.h"

namespace iba::imported {

/// Refuses values of the right type that LibTorch's operators take without a check, although they end the
/// process, run for days or make memory without limit: types of tensors that there aren't, modes by number,
/// divisors of zero, wide steps of a window, the count of parts. Throws MODEL.
void check_limits(const c10::FunctionSchema& schema, const std::vector<Item>& arguments,
                  const std::string& place);

/// The same for what an operator made: views may be larger than any memory. Throws MODEL.
void check_result(const c10::FunctionSchema& schema, const at::IValue& made, const std::string& place);

}  // namespace iba::imported
