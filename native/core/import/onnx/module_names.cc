#include "import/onnx/module_names.h"

#include <algorithm>

#include "import/blocks.h"
#include "io/text.h"

namespace iba::imported::onnx {

namespace {

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

std::vector<Module> from_scopes(const Node& node) {
  std::vector<Module> modules;
  for (size_t i = 0; i < node.scopes.size(); ++i) {
    bool has_class = node.classes.size() == node.scopes.size();
    if (node.scopes[i].empty()) continue;
    modules.push_back({node.scopes[i], has_class ? last_part(node.classes[i]) : kUnknownModule});
  }
  return modules;
}

/// "Conv", or "Conv_3" for a later one of the same module.
bool is_operator_part(const std::string& part, const std::string& operation) {
  if (!part.starts_with(operation)) return false;
  std::string rest = part.substr(operation.size());
  return rest.empty() || (rest[0] == '_' && std::all_of(rest.begin() + 1, rest.end(),
                                                        [](char c) { return c >= '0' && c <= '9'; }));
}

/// Of "/layer2/layer2.0/conv1/Conv", where a module's name may repeat that of the one around it. Absent for
/// names of another form.
std::optional<std::vector<Module>> from_path(const Node& node) {
  if (!node.name.starts_with('/')) return std::nullopt;
  auto parts = io::split(node.name.substr(1), '/');
  if (parts.empty()) return std::nullopt;
  bool of_operator = is_operator_part(parts.back(), node.operation) || node.domain == "fused";
  if (!of_operator) return std::nullopt;
  parts.pop_back();
  std::vector<Module> modules;
  std::string outer, previous;
  for (const auto& part : parts) {
    if (part.empty()) continue;
    bool repeats = !previous.empty() && part.starts_with(previous + ".");
    std::string own = repeats ? part.substr(previous.size() + 1) : part;
    outer += (outer.empty() ? "" : ".") + own;
    modules.push_back({outer, kUnknownModule});
    previous = part;
  }
  return modules;
}

}  // namespace

std::vector<Module> modules_of(const Node& node) {
  if (!node.scopes.empty()) return from_scopes(node);
  if (auto modules = from_path(node)) return *modules;
  if (node.name.empty()) return {};
  return {{node.name, node.operation}};
}

std::string model_class(const std::vector<Node>& nodes) {
  for (const auto& node : nodes) {
    bool tells = !node.classes.empty() && !node.scopes.empty() && node.scopes[0].empty();
    if (tells) return last_part(node.classes[0]);
  }
  return kUnknownModule;
}

}  // namespace iba::imported::onnx
