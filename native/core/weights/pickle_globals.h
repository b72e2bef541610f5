#pragma once

#include <string>

#include "weights/pickle_node.h"

namespace iba::pickle {

/// What a pickle may hold: the tensors of a weight file, or, of a TorchScript file, the modules as well.
enum class Vocabulary { weights, script };

/// Whether this class or function is known. A TorchScript file may hold others as the values of dicts only,
/// where they are mere names.
bool is_known(const Global& global);

/// An error that says that the pickle refers to `global`.
[[noreturn]] void refuse(const Global& global);

/// What REDUCE and NEWOBJ do: what `callee` makes of `arguments`. Both come from the file. The table of known
/// names holds a function of ours for each; nothing else is ever called. In a weight file what another name
/// makes is an Object; in a TorchScript file it is refused.
Node* call(Arena& arena, const Node& callee, Node& arguments, Vocabulary vocabulary);

/// What BUILD does: gives `target` its state.
void build(Arena& arena, Node& target, Node& state, Vocabulary vocabulary);

}  // namespace iba::pickle
