#pragma once

#include <string>
#include <vector>

#include "attribution/method.h"

namespace iba {

/// All methods, in the order they are shown to users.
const std::vector<MethodEntry>& methods();

/// Throws INVALID_ARGUMENT with the nearest names where there is no method of that name.
const MethodEntry& find_method(const std::string& name);

}  // namespace iba
