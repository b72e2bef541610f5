#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/module_stack.h"
#include "import/onnx/graph.h"

namespace iba::imported::onnx {

/// The modules around a node, from the outermost, without the model itself: those that the exporter wrote
/// down, or those in a name such as "/layer2/layer2.0/conv1/Conv". Absent where neither tells. The kind of a
/// module whose class isn't known is `kUnknownModule`.
std::optional<std::vector<ModuleFrame>> told_modules(const Node& node);

/// The class of the model, as far as the nodes tell it.
std::string model_class(const std::vector<Node>& nodes);

}  // namespace iba::imported::onnx
