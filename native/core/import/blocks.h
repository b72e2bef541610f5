#pragma once

#include <vector>

#include "network/graph.h"

namespace iba {

/// The kind of a layer that is a module of a class that the file doesn't tell.
constexpr const char* kUnknownModule = "Module";

/// Whether all that a network computes from its input passes through a value, for each value.
std::vector<bool> find_narrow_values(const Network& network);

/// The layers that are blocks, in execution order: what modules return that compute on more than one way at
/// once, such as around convolutions by a shortcut, join the ways, and are all that goes on; and other
/// modules of their class. A stage of several blocks is none, nor is a stem of one way, nor what lies in a
/// block.
std::vector<size_t> find_blocks(const Network& network);

/// As `find_blocks`, where parts of the network run beside each other and a block may be in one of them.
std::vector<size_t> find_parallel_blocks(const Network& network);

/// Whether a layer is what a module of several steps computes: not a single step, and not a value that a
/// module only passes on.
bool is_module(const Network& network, const Graph& graph, const Layer& layer);

/// The layer of the outermost module that returns what the layer is.
const Layer& outermost(const Network& network, const Layer& layer);

}  // namespace iba
