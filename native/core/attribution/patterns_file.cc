#include <algorithm>

#include "attribution/patterns.h"
#include "error.h"
#include "finite.h"
#include "io/text.h"
#include "weights/file_entries.h"

namespace iba {

namespace {

constexpr const char* kFormat = "attribution-bottleneck.patterns.2";
/// Took every neuron for a rectified one.
constexpr const char* kEarlierFormat = "attribution-bottleneck.patterns.1";

}  // namespace

void PatternsFile::write(const std::filesystem::path& path, const ModelPatterns& patterns) {
  NamedTensors tensors;
  std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"model", patterns.architecture},
      {"weights", patterns.weight_hash},
      {"estimator", name_of(patterns.estimator)},
      {"samples", std::to_string(patterns.samples)},
  };
  for (const auto& [name, layer] : patterns.layers) {
    if (layer.patches_ == 0)
      throw Error(ErrorCode::patterns, "No images were taken into these patterns: fit them first.");
    at::DimVector shape(layer.active_products_.dim(), 1);
    shape[0] = layer.active_.numel();
    Tensor active = layer.active_.clamp_min(1).view(shape);
    Tensor products = (layer.active_products_ / active).to(at::kFloat);
    require_finite(products, ErrorCode::patterns,
                   "the sums of '" + name + "', in the file's single precision",
                   "The outputs are too large: check the model's weights.");
    tensors.emplace_back(name + ".active_products", products);
    tensors.emplace_back(name + ".active_inputs", (layer.active_inputs_ / active).to(at::kFloat));
    tensors.emplace_back(name + ".active", layer.active_);
    tensors.emplace_back(name + ".outputs", layer.outputs_);
    metadata[name + ".patches"] = std::to_string(static_cast<int64_t>(layer.patches_));
  }
  write_safetensors(path, tensors, metadata);
}

ModelPatterns PatternsFile::read(const std::filesystem::path& path) {
  FileEntries file(path, read_weight_file(path), ErrorCode::patterns, "Fit patterns on images of the data.");
  if (file.text("format") == kEarlierFormat) {
    file.refuse("was fitted by an earlier version, which took the neurons before a sum for rectified ones");
  }
  if (file.text("format") != kFormat) file.refuse("holds no patterns");
  const auto& estimators = estimator_names();
  std::string estimator = file.text("estimator");
  if (std::find(estimators.begin(), estimators.end(), estimator) == estimators.end()) {
    file.refuse("has the estimator '" + estimator + "', expected one of: " + io::joined(estimators));
  }
  ModelPatterns patterns{
      file.text("model"), file.text("weights"), estimator_named(estimator), file.count("samples"), {}};
  static const std::string ending = ".active_products";
  for (const auto& [key, tensor] : file.tensors()) {
    if (!key.ends_with(ending)) continue;
    std::string name = key.substr(0, key.size() - ending.size());
    auto take = [&](const char* part) { return file.tensor(name + "." + part).to(at::kDouble); };
    LayerPatterns& layer = patterns.layers[name];
    layer.active_ = take("active");
    layer.outputs_ = take("outputs");
    layer.patches_ = static_cast<double>(file.count(name + ".patches"));
    Tensor products = take("active_products"), inputs = take("active_inputs");
    bool fits = products.dim() >= 2 && products.sizes() == inputs.sizes() && layer.active_.dim() == 1 &&
                layer.outputs_.sizes() == layer.active_.sizes() &&
                layer.active_.size(0) == products.size(0) && layer.patches_ > 0;
    if (!fits) file.refuse("has entries that don't fit together for '" + name + "'");
    at::DimVector shape(products.dim(), 1);
    shape[0] = products.size(0);
    Tensor active = layer.active_.clamp_min(1).view(shape);
    layer.active_products_ = products * active;
    layer.active_inputs_ = inputs * active;
  }
  if (patterns.layers.empty()) file.refuse("holds no layer");
  return patterns;
}

}  // namespace iba
