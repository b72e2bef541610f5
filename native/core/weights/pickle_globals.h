#pragma once

#include <string>

#include "weights/pickle_node.h"

namespace iba::pickle {

/// What a pickle may hold: the tensors of a weight file, or, of a TorchScript file, the modules as well.
enum class Vocabulary { weights, script };

/// Whether a pickle may use this class or function at all. Others may stand as the value of a dict, where
/// they are only names.
bool is_allowed(const Global& global);

/// An error that says that the pickle refers to `global`.
[[noreturn]] void refuse(const Global& global);

/// What REDUCE and NEWOBJ do: what `callee` makes of `arguments`. Both come from the file. The allow-list
/// holds a function of ours for each name; nothing else is ever called.
Node* call(Arena& arena, const Node& callee, const Node& arguments, Vocabulary vocabulary);

/// What BUILD does: gives `target` its state.
void build(Arena& arena, Node& target, Node& state, Vocabulary vocabulary);

}  // namespace iba::pickle
