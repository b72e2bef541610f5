#pragma once

#include <map>
#include <string>
#include <vector>

#include "import/module_stack.h"
#include "import/onnx/call.h"

namespace iba::imported::onnx {

/// One run of a model's graph.
class Run {
 public:
  /// `single` has the sizes that a single image gives, node by node in the order of execution.
  Run(Recorder& recorder, const Model& model, const std::vector<NodeSizes>& single);

  /// Gives the graph's outputs, or null for those that it doesn't make. Throws Malformed or MODEL.
  std::vector<Item> execute(const std::string& images_name, const Item& images);

  /// The sizes at each node that was executed.
  std::vector<NodeSizes> take_sizes() { return std::move(sizes_); }

 private:
  using Values = std::map<std::string, Item>;
  using Opsets = std::map<std::string, int64_t>;

  void execute_nodes(const std::vector<Node>& nodes, Values& values, const Opsets& opsets, size_t depth);
  std::vector<Item> execute_node(const Node& node, const std::vector<Item>& inputs, const Opsets& opsets);
  std::vector<Item> execute_function(const Node& node, const Function& function,
                                     const std::vector<Item>& inputs, size_t depth);
  void enter_modules_of(const Node& node);

  Recorder& recorder_;
  const Model& model_;
  const std::vector<NodeSizes>& single_;
  std::vector<NodeSizes> sizes_;
  ModuleStack modules_;
  bool tells_modules_;
  size_t count_ = 0;
};

/// The operator's name, with its domain in front where that isn't ONNX's own.
std::string qualified_name(const Node& node);

/// What the file itself says of a node's type, if it isn't among the operators that are read.
const Function* function_of(const Model& model, const Node& node);

/// Deepest nesting of functions in functions.
constexpr size_t kDeepestFunctions = 32;

}  // namespace iba::imported::onnx
