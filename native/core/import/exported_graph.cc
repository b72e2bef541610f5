#include "import/exported_graph.h"

#include <set>

#include "import/allowed_operators.h"
#include "io/malformed.h"
#include "io/text.h"

namespace iba::imported {

using io::JsonValue;

const std::pair<std::string, JsonValue>& only_member(const JsonValue& value) {
  if (value.members().size() != 1) throw io::Malformed("its JSON has a union of several members");
  return value.members()[0];
}

std::vector<ModuleFrame> module_stack(const JsonValue& node) {
  const JsonValue* metadata = node.find("metadata");
  const JsonValue* text = metadata ? metadata->find("nn_module_stack") : nullptr;
  std::vector<ModuleFrame> frames;
  if (!text) return frames;
  for (const auto& entry : io::split(text->string(), ';')) {
    auto parts = io::split(entry, ',');
    if (parts.size() < 3 || parts[0].starts_with("_empty_nn_module_stack")) continue;
    frames.push_back({parts[0], parts[1], parts[2].substr(parts[2].rfind('.') + 1)});
  }
  return frames;
}

std::optional<OperatorName> operator_name(const std::string& target) {
  if (target.starts_with("torch.ops.")) {
    auto parts = io::split(target, '.');
    if (parts.size() != 5) return std::nullopt;
    return OperatorName{parts[2] + "::" + parts[3], parts[4] == "default" ? "" : parts[4]};
  }
  static const std::map<std::string, std::string> kOnNumbers = {
      {"_operator.add", "add"},       {"_operator.sub", "sub"},
      {"_operator.mul", "mul"},       {"_operator.floordiv", "floordiv"},
      {"_operator.mod", "remainder"}, {"_operator.neg", "neg"},
      {"_operator.eq", "eq"},         {"_operator.ne", "ne"},
      {"_operator.lt", "lt"},         {"_operator.le", "le"},
      {"_operator.gt", "gt"},         {"_operator.ge", "ge"}};
  auto found = kOnNumbers.find(target);
  return found == kOnNumbers.end() ? std::nullopt
                                   : std::optional(OperatorName{"aten::" + found->second, "int"});
}

bool runs_inner_graph(const std::string& target) {
  return target == "torch.ops.higher_order.wrap_with_autocast" ||
         target == "torch.ops.higher_order.wrap_with_set_grad_enabled";
}

std::pair<const JsonValue*, size_t> inner_graph(const JsonValue& node) {
  const auto& inputs = node["inputs"].array();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (const JsonValue* graph = inputs[i]["arg"].find("as_graph")) return {&(*graph)["graph"], i + 1};
  }
  throw io::Malformed("its program runs an inner graph that isn't there");
}

bool only_checks(const std::string& target) {
  static const std::set<std::string> kNames = {
      "torch.ops.aten._assert_scalar.default", "torch.ops.aten._assert_tensor_metadata.default",
      "torch.ops.aten.sym_constrain_range.default", "torch.ops.aten.sym_constrain_range_for_size.default"};
  return kNames.contains(target);
}

void check_operators(const JsonValue& graph) {
  for (const auto& node : graph["nodes"].array()) {
    const std::string& target = node["target"].string();
    if (runs_inner_graph(target)) {
      check_operators(*inner_graph(node).first);
      continue;
    }
    auto op = operator_name(target);
    if (!op || !is_allowed_operator(op->name))
      refuse_operator(op ? op->name : target, "the exported program");
  }
}

std::map<std::string, size_t> last_readers(const JsonValue& graph) {
  std::map<std::string, size_t> readers;
  const auto& nodes = graph["nodes"].array();
  for (size_t i = 0; i < nodes.size(); ++i) {
    for_each_name(nodes[i]["inputs"], [&](const std::string& name) { readers[name] = i; });
  }
  for_each_name(graph["outputs"], [&](const std::string& name) { readers[name] = nodes.size(); });
  return readers;
}

namespace {

/// The keys are JSON in a text, and something else for what is no dict.
std::vector<std::string> output_keys(const JsonValue& context, size_t count) {
  std::vector<std::string> keys;
  if (!context.is_string() || !context.string().starts_with('[')) return keys;
  const auto list = JsonValue::parse(context.string(), "the keys of its outputs are no JSON");
  for (const auto& key : list.array()) {
    if (!key.is_string()) return {};
    keys.push_back(key.string());
  }
  return keys.size() == count ? keys : std::vector<std::string>();
}

OutputTree output_tree_of(const JsonValue& spec) {
  if (spec["type"].is_null()) return {};
  OutputTree tree{false, {}, {}};
  for (const auto& inner : spec["children_spec"].array()) tree.elements.push_back(output_tree_of(inner));
  tree.keys = output_keys(spec["context"], tree.elements.size());
  return tree;
}

}  // namespace

OutputTree output_tree(const JsonValue& graph_module) {
  const JsonValue* calls = graph_module.find("module_call_graph");
  if (calls && calls->is_array() && !calls->array().empty()) {
    const JsonValue* signature = calls->array()[0].find("signature");
    const JsonValue* text = signature && signature->is_object() ? signature->find("out_spec") : nullptr;
    if (text && text->is_string()) {
      const auto parts = JsonValue::parse(text->string(), "the layout of its outputs is no JSON");
      if (parts.is_array() && parts.array().size() == 2) return output_tree_of(parts.array()[1]);
    }
  }
  OutputTree list{false, {}, {}};
  for (const auto& spec : graph_module["signature"]["output_specs"].array()) {
    if (only_member(spec).first == "user_output") list.elements.emplace_back();
  }
  if (list.elements.size() == 1) return {};
  return list;
}

const std::string& value_name(const JsonValue& value) {
  const auto& [kind, content] = only_member(value);
  return content[kind == "as_tensor" ? "name" : "as_name"].string();
}

}  // namespace iba::imported
