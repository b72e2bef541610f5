#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "import/module_stack.h"
#include "io/json_value.h"

namespace iba::imported {

// What the JSON of a graph says that torch.export wrote. All throw Malformed for what isn't such JSON.

/// A union of the format: an object with a single member, whose name tells what it is.
const std::pair<std::string, io::JsonValue>& only_member(const io::JsonValue& value);

/// The modules that a node is part of, outermost first, from entries such as
/// "L__self__layer1.0.relu@1,layer1.0.relu,torch.nn.modules.activation.ReLU".
std::vector<ModuleFrame> module_stack(const io::JsonValue& node);

/// The name of a LibTorch operator: of "torch.ops.aten.add.Tensor", or of "_operator.mul" between numbers.
struct OperatorName {
  std::string name;
  std::string overload;
};

/// Of a node's target; nothing for what is no operator.
std::optional<OperatorName> operator_name(const std::string& target);

/// What runs a graph inside of the graph, with settings that mean nothing here: all is computed in float32,
/// and gradients are asked for from outside.
bool runs_inner_graph(const std::string& target);

/// The inner graph among a node's inputs, and the position of its first own input.
std::pair<const io::JsonValue*, size_t> inner_graph(const io::JsonValue& node);

/// What only checks sizes, which the trial on images does as well.
bool only_checks(const std::string& target);

/// Nothing of a program runs before all of it is known to be harmless. Throws MODEL.
void check_operators(const io::JsonValue& graph);

/// Calls `visit` with what may be the name of a value in a node's inputs.
template <typename Visitor>
void for_each_name(const io::JsonValue& inputs, const Visitor& visit) {
  if (inputs.is_array()) {
    for (const auto& element : inputs.array()) for_each_name(element, visit);
  } else if (inputs.is_object()) {
    for (const auto& [key, content] : inputs.members()) {
      if (key == "as_graph") continue;
      content.is_string() ? visit(content.string()) : for_each_name(content, visit);
    }
  }
}

/// Which node reads each value last, by its position in the graph; what the graph returns is read at its end.
std::map<std::string, size_t> last_readers(const io::JsonValue& graph);

/// How a program's outputs lie in what it returns: a single one, or a list of more, in a dict with their
/// keys.
struct OutputTree {
  bool is_leaf = true;
  std::vector<std::string> keys;
  std::vector<OutputTree> elements;
};

/// Of a graph module. Where it doesn't say, several outputs are a list.
OutputTree output_tree(const io::JsonValue& graph_module);

/// The name of a tensor or a number that a graph takes or makes.
const std::string& value_name(const io::JsonValue& value);

}  // namespace iba::imported
