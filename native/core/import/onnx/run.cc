#include "import/onnx/run.h"

#include <algorithm>

#include "error.h"
#include "import/onnx/module_names.h"
#include "import/onnx/operators.h"
#include "import/onnx/types.h"
#include "io/malformed.h"
#include "io/text.h"

namespace iba::imported::onnx {

namespace {

/// Functions may call one another, so that a small file could have any number of nodes.
constexpr size_t kMostNodes = 200'000;

/// Which node reads each value last, by its position.
std::map<std::string, size_t> last_readers(const std::vector<Node>& nodes) {
  std::map<std::string, size_t> readers;
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const auto& name : nodes[i].inputs) readers[name] = i;
  }
  return readers;
}

bool is_of_pixels(const Item& item) {
  return item && !item->elements && item->from_pixels;
}

std::vector<int64_t> sizes_of(const Item& item) {
  if (!item || item->elements || !item->value.isTensor()) return {};
  return item->value.toTensor().sizes().vec();
}

/// A function's node with the attributes that it takes from the function's own.
Node with_attributes(const Node& node, const Node& caller, const Function& function) {
  Node made = node;
  for (const auto& [name, reference] : node.references) {
    auto given = caller.attributes.find(reference);
    auto otherwise = function.defaults.find(reference);
    if (given != caller.attributes.end()) {
      made.attributes[name] = given->second;
    } else if (otherwise != function.defaults.end()) {
      made.attributes[name] = otherwise->second;
    }
  }
  made.references.clear();
  return made;
}

}  // namespace

std::string qualified_name(const Node& node) {
  return node.domain.empty() ? node.operation : node.domain + "." + node.operation;
}

const Function* function_of(const Model& model, const Node& node) {
  auto found = model.functions.find({node.domain, node.operation});
  bool is_known = found == model.functions.end() || operator_table().contains(qualified_name(node));
  return is_known ? nullptr : &found->second;
}

Run::Run(Recorder& recorder, const Model& model, const std::vector<NodeSizes>& single)
    : recorder_(recorder), model_(model), single_(single), modules_(recorder) {
  const auto& nodes = model.graph.nodes;
  tells_modules_ = std::any_of(nodes.begin(), nodes.end(),
                               [](const Node& node) { return told_modules(node).has_value(); });
}

std::vector<Item> Run::execute(const std::string& images_name, const Item& images) {
  Values values;
  for (const auto& [name, tensor] : model_.graph.tensors) values[name] = make_item(computed_form(tensor));
  values[images_name] = images;
  recorder_.enter_module("", model_class(model_.graph.nodes));
  execute_nodes(model_.graph.nodes, values, model_.opsets, 0);
  modules_.leave_all();
  recorder_.leave_module(make_item({}));
  std::vector<Item> outputs;
  for (const auto& output : model_.graph.outputs) {
    auto found = values.find(output.name);
    outputs.push_back(found == values.end() ? nullptr : found->second);
  }
  return outputs;
}

void Run::execute_nodes(const std::vector<Node>& nodes, Values& values, const Opsets& opsets, size_t depth) {
  auto readers = last_readers(nodes);
  if (depth == 0) {
    for (const auto& output : model_.graph.outputs) readers[output.name] = nodes.size();
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Node& node = nodes[i];
    if (++count_ > kMostNodes) throw io::Malformed("its functions call one another without an end");
    std::vector<Item> inputs;
    for (const auto& name : node.inputs) {
      auto found = values.find(name);
      if (found == values.end() && !name.empty()) {
        throw io::Malformed("its node " + node_text(node) + " reads '" + name + "' before it is made");
      }
      inputs.push_back(name.empty() ? nullptr : found->second);
    }
    // Constants and shapes belong to no place in the network.
    if (depth == 0 && std::any_of(inputs.begin(), inputs.end(), is_of_pixels)) enter_modules_of(node);
    auto function = function_of(model_, node);
    auto outputs =
        function ? execute_function(node, *function, inputs, depth) : execute_node(node, inputs, opsets);
    for (size_t o = 0; o < node.outputs.size() && o < outputs.size(); ++o) {
      if (node.outputs[o].empty() || !outputs[o]) continue;
      values[node.outputs[o]] = outputs[o];
      if (is_of_pixels(outputs[o])) modules_.make(outputs[o]);
    }
    // Activations that nobody reads any more need not stay in memory.
    for (const auto& name : node.inputs) {
      if (depth == 0 && readers.at(name) == i) values.erase(name);
    }
  }
}

std::vector<Item> Run::execute_node(const Node& node, const std::vector<Item>& inputs, const Opsets& opsets) {
  auto function = operator_table().find(qualified_name(node));
  auto opset = opsets.find("");
  if (function == operator_table().end() || opset == opsets.end()) {
    throw Error(ErrorCode::model,
                "The node " + node_text(node) + ", which isn't read. Export the model without it.");
  }
  const size_t place = sizes_.size();
  sizes_.emplace_back();
  const NodeSizes* single = place < single_.size() ? &single_[place] : nullptr;
  Call call(recorder_, node, inputs, opset->second, single);
  std::vector<Item> outputs;
  try {
    outputs = function->second(call);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const c10::Error& error) {
    call.refuse("can't be computed. LibTorch says: " + io::first_lines(error.what_without_backtrace()));
  }
  sizes_[place] = {inputs.empty() ? std::vector<int64_t>() : sizes_of(inputs[0]),
                   outputs.empty() ? std::vector<int64_t>() : sizes_of(outputs[0])};
  return outputs;
}

std::vector<Item> Run::execute_function(const Node& node, const Function& function,
                                        const std::vector<Item>& inputs, size_t depth) {
  if (depth >= kDeepestFunctions) throw io::Malformed("its functions are nested more than 32 deep");
  Values values;
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    if (i < inputs.size() && inputs[i]) values[function.inputs[i]] = inputs[i];
  }
  std::vector<Node> nodes;
  for (const auto& inner : function.nodes) {
    nodes.push_back(with_attributes(inner, node, function));
    // An input that the caller leaves out is left out inside as well.
    for (auto& name : nodes.back().inputs) {
      auto own = std::find(function.inputs.begin(), function.inputs.end(), name);
      if (own != function.inputs.end() && !values.contains(name)) name.clear();
    }
  }
  auto opsets = model_.opsets;
  for (const auto& [domain, version] : function.opsets) opsets[domain] = version;
  execute_nodes(nodes, values, opsets, depth + 1);
  std::vector<Item> outputs;
  for (const auto& name : function.outputs) {
    auto found = values.find(name);
    outputs.push_back(found == values.end() ? nullptr : found->second);
  }
  return outputs;
}

/// In a file that tells of modules, what belongs to none of them, as after fusions, lies beside what came
/// before.
void Run::enter_modules_of(const Node& node) {
  if (auto told = told_modules(node)) return modules_.enter(*told);
  auto around = tells_modules_ ? modules_.frames() : std::vector<ModuleFrame>();
  if (!around.empty()) around.pop_back();
  if (node.name.empty()) return modules_.enter(around);
  std::string outer = around.empty() ? "" : around.back().path + ".";
  around.push_back({"", outer + node.name, node.operation});
  modules_.enter(around);
}

}  // namespace iba::imported::onnx
