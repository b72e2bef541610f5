#pragma once

#include <string>
#include <vector>

#include <ATen/core/function_schema.h>

#include "import/item.h"

namespace iba::imported {

/// The arguments as an operator of that schema takes them: each of its type, those left out at the end by
/// their defaults, and devices, layouts and generators replaced by what an import runs with. LibTorch itself
/// trusts its callers in this. Throws MODEL, naming the operator, the argument and the place.
std::vector<Item> checked_arguments(const c10::FunctionSchema& schema, std::vector<Item> given,
                                    const std::string& place);

}  // namespace iba::imported
