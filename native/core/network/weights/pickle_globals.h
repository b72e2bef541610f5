#pragma once

#include <string>

#include "network/weights/pickle_node.h"

namespace iba::pickle {

/// Whether a pickle may use this class or function at all. Others may stand as the value of a dict, where
/// they are only names.
bool is_allowed(const Global& global);

/// An error that says that the pickle refers to `global`.
[[noreturn]] void refuse(const Global& global);

/// What REDUCE and NEWOBJ do: what `callee` makes of `arguments`. Both come from the file. The allow-list
/// holds a function of ours for each name; nothing else is ever called.
Node* call(Arena& arena, const Node& callee, const Node& arguments);

/// What BUILD does: gives `target` its state.
void build(Arena& arena, Node& target, const Node& state);

}  // namespace iba::pickle
