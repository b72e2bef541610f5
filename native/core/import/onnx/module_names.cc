#include "import/onnx/module_names.h"

#include "import/blocks.h"
#include "io/text.h"

namespace iba::imported::onnx {

namespace {

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

std::vector<ModuleFrame> from_scopes(const Node& node) {
  std::vector<ModuleFrame> modules;
  for (size_t i = 0; i < node.scopes.size(); ++i) {
    bool has_class = node.classes.size() == node.scopes.size();
    if (node.scopes[i].empty()) continue;
    modules.push_back({"", node.scopes[i], has_class ? last_part(node.classes[i]) : kUnknownModule});
  }
  return modules;
}

/// Of "/layer2/layer2.0/conv1/Conv", where a module's name may repeat that of the one around it. Absent for
/// names of another form.
std::optional<std::vector<ModuleFrame>> from_path(const Node& node) {
  if (!node.name.starts_with('/')) return std::nullopt;
  auto parts = io::split(node.name.substr(1), '/');
  // What comes last is the operator, such as "Conv_3", also where that was fused with another.
  bool ends_with_operator = !parts.back().empty() && parts.back()[0] >= 'A' && parts.back()[0] <= 'Z';
  if (!ends_with_operator) return std::nullopt;
  parts.pop_back();
  std::vector<ModuleFrame> modules;
  std::string outer, previous;
  for (const auto& part : parts) {
    if (part.empty()) continue;
    bool repeats = !previous.empty() && part.starts_with(previous + ".");
    std::string own = repeats ? part.substr(previous.size() + 1) : part;
    outer += (outer.empty() ? "" : ".") + own;
    modules.push_back({"", outer, kUnknownModule});
    previous = part;
  }
  return modules;
}

}  // namespace

std::optional<std::vector<ModuleFrame>> told_modules(const Node& node) {
  return node.scopes.empty() ? from_path(node) : from_scopes(node);
}

std::string model_class(const std::vector<Node>& nodes) {
  for (const auto& node : nodes) {
    bool tells = !node.classes.empty() && !node.scopes.empty() && node.scopes[0].empty();
    if (tells) return last_part(node.classes[0]);
  }
  return kUnknownModule;
}

}  // namespace iba::imported::onnx
