#pragma once

#include <string_view>
#include <vector>

#include "weights/pickle_node.h"

namespace iba::pickle {

// Each function gives null for what numpy has and a tensor hasn't: texts, objects, big-endian numbers.

inline constexpr std::string_view kNumpyArrayName = "numpy.ndarray";
inline constexpr std::string_view kNumpyTypeName = "numpy.dtype";

/// numpy.dtype(code, ...)
Node* make_numpy_type(Arena& arena, const std::vector<Node*>& arguments);

/// The state of a numpy.dtype, which says in which order the bytes are.
void set_numpy_type_state(Node& type, const Node& state);

/// _reconstruct(numpy.ndarray, ...): an array that a BUILD must fill.
Node* make_numpy_array(Arena& arena, const std::vector<Node*>& arguments);

/// The state of an array: (version, shape, type, whether in Fortran order, bytes). Makes it a tensor.
void fill_numpy_array(Arena& arena, Node& array, const Node& state);

/// _frombuffer(bytes, type, shape, order)
Node* make_numpy_array_from_buffer(Arena& arena, const std::vector<Node*>& arguments);

/// scalar(type, bytes): a plain bool, int or double.
Node* make_numpy_scalar(Arena& arena, const std::vector<Node*>& arguments);

}  // namespace iba::pickle
