#pragma once

#include "weights/pickle_node.h"

namespace iba::pickle {

/// Makes sure of what pickle::Value promises for everything below `root`: no value contains itself, none is
/// nested more than 100 deep, unknown classes only stand as values of dicts, and tensors are contiguous.
void finish_structure(Arena& arena, Node& root);

}  // namespace iba::pickle
