#pragma once

#include <vector>

#include "import/onnx/graph.h"

namespace iba::imported::onnx {

/// The nodes of a graph in which what exporters take apart is one operator again, of the domain "fused": a
/// product with a constant matrix and the sum of a bias (Linear), x · sigmoid(x) (Silu), Gelu by the error
/// function, and elements by their places in the flattened tensor (Take). Transpositions of transpositions
/// become one, or none where they undo each other. What the nodes compute stays the same.
std::vector<Node> fused_nodes(const Graph& graph);

}  // namespace iba::imported::onnx
