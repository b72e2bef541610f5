#include <map>

#include "attribution/patterns.h"
#include "error.h"
#include "weights/weight_file.h"

namespace iba {

namespace {

constexpr const char* kFormat = "attribution-bottleneck.patterns.1";
constexpr double kMostPatches = 1e15;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& problem) {
  throw Error("PATTERNS", path.string() + " " + problem + ". Make patterns with `iba fit-patterns`.");
}

/// A whole number that was written as text.
double parse_count(const std::filesystem::path& path, const std::string& text) {
  bool digits =
      !text.empty() && text.size() < 16 && text.find_first_not_of("0123456789") == std::string::npos;
  double count = digits ? static_cast<double>(std::stoll(text)) : -1;
  if (count < 0 || count > kMostPatches) refuse(path, "has '" + text + "' as a number of samples or patches");
  return count;
}

}  // namespace

void PatternsFile::write(const std::filesystem::path& path, const ModelPatterns& patterns) {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"model", patterns.architecture},
      {"weights", patterns.weight_hash},
      {"samples", std::to_string(patterns.samples)},
  };
  for (const auto& [name, layer] : patterns.layers) {
    if (layer.patches_ == 0)
      throw Error("PATTERNS", "No images were taken into these patterns: fit them first.");
    at::DimVector shape(layer.active_products_.dim(), 1);
    shape[0] = layer.active_.numel();
    Tensor active = layer.active_.clamp_min(1).view(shape);
    tensors.emplace_back(name + ".active_products", (layer.active_products_ / active).to(at::kFloat));
    tensors.emplace_back(name + ".active_inputs", (layer.active_inputs_ / active).to(at::kFloat));
    tensors.emplace_back(name + ".active", layer.active_);
    tensors.emplace_back(name + ".outputs", layer.outputs_);
    metadata[name + ".patches"] = std::to_string(static_cast<int64_t>(layer.patches_));
  }
  write_safetensors(path, tensors, metadata);
}

ModelPatterns PatternsFile::read(const std::filesystem::path& path) {
  auto file = read_weight_file(path);
  auto& metadata = file.metadata;
  if (metadata["format"] != kFormat) refuse(path, "holds no patterns");
  std::map<std::string, Tensor> tensors(file.tensors.begin(), file.tensors.end());
  ModelPatterns patterns{metadata["model"],
                         metadata["weights"],
                         static_cast<int64_t>(parse_count(path, metadata["samples"])),
                         {}};
  static const std::string ending = ".active_products";
  for (const auto& [key, tensor] : tensors) {
    if (!key.ends_with(ending)) continue;
    std::string name = key.substr(0, key.size() - ending.size());
    auto take = [&](const char* part) {
      auto found = tensors.find(name + "." + part);
      if (found == tensors.end()) refuse(path, "lacks the entry '" + name + "." + part + "'");
      return found->second.to(at::kDouble);
    };
    LayerPatterns& layer = patterns.layers[name];
    layer.active_ = take("active");
    layer.outputs_ = take("outputs");
    layer.patches_ = parse_count(path, metadata[name + ".patches"]);
    Tensor products = take("active_products"), inputs = take("active_inputs");
    bool fits = products.dim() >= 2 && products.sizes() == inputs.sizes() && layer.active_.dim() == 1 &&
                layer.outputs_.sizes() == layer.active_.sizes() &&
                layer.active_.size(0) == products.size(0) && layer.patches_ > 0;
    if (!fits) refuse(path, "has entries that don't fit together for '" + name + "'");
    at::DimVector shape(products.dim(), 1);
    shape[0] = products.size(0);
    Tensor active = layer.active_.clamp_min(1).view(shape);
    layer.active_products_ = products * active;
    layer.active_inputs_ = inputs * active;
  }
  if (patterns.layers.empty()) refuse(path, "holds no layer");
  return patterns;
}

}  // namespace iba
