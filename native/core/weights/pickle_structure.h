#pragma once

#include "weights/pickle_globals.h"

namespace iba::pickle {

/// Makes sure of what pickle::Value promises for everything below `root`: no value contains itself, none is
/// nested more than 100 deep, and tensors are contiguous. In a weight file the modules become their state
/// dicts; in a TorchScript file unknown classes only stand as values of dicts.
void finish_structure(Arena& arena, Node& root, Vocabulary vocabulary);

}  // namespace iba::pickle
