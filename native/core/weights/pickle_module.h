#pragma once

#include "weights/pickle_node.h"

namespace iba::pickle {

/// Makes the state dict of a torch.nn.Module that was pickled whole: its parameters and buffers, those of its
/// modules under dotted names. Leaves other nodes as they are.
void unfold_module(Arena& arena, Node& node);

}  // namespace iba::pickle
