#pragma once

#include <string>
#include <vector>

#include "attribution/method.h"

namespace iba {

/// All methods, in the order they are shown to users.
const std::vector<MethodEntry>& methods();

/// Throws INVALID_ARGUMENT with the nearest names where there is no method of that name.
const MethodEntry& find_method(const std::string& name);

/// Throws INVALID_ARGUMENT where the network takes token ids and the method is for images alone, naming those
/// that aren't.
void check_takes_input(const MethodEntry& entry, const Network& network);

}  // namespace iba
