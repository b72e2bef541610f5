#include "import/onnx/unread.h"

#include <algorithm>
#include <set>

namespace iba::imported::onnx {

namespace {

using Names = std::set<std::string>;

/// What the nodes read, and what leaves them.
Names read_by(const std::vector<Node>& nodes, Names read) {
  for (const auto& node : nodes) read.insert(node.inputs.begin(), node.inputs.end());
  return read;
}

void leave_out_outputs(std::vector<Node>& nodes, const Names& read) {
  for (auto& node : nodes) {
    for (size_t i = 1; i < node.outputs.size(); ++i) {
      if (!read.contains(node.outputs[i])) node.outputs[i].clear();
    }
  }
}

void leave_out_inputs(std::vector<Value>& inputs, const Names& read) {
  auto is_read = [&](const Value& input) { return read.contains(input.name); };
  // Of a model that reads none of them, the message is about what it does.
  if (std::none_of(inputs.begin(), inputs.end(), is_read)) return;
  std::erase_if(inputs, [&](const Value& input) { return !is_read(input); });
}

}  // namespace

void leave_out_unread(Model& model) {
  Names outputs;
  for (const auto& output : model.graph.outputs) outputs.insert(output.name);
  const Names read = read_by(model.graph.nodes, std::move(outputs));
  leave_out_outputs(model.graph.nodes, read);
  leave_out_inputs(model.graph.inputs, read);
  for (auto& [name, function] : model.functions) {
    leave_out_outputs(function.nodes,
                      read_by(function.nodes, {function.outputs.begin(), function.outputs.end()}));
  }
}

}  // namespace iba::imported::onnx
