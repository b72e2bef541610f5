#include "network/zoo/zoo.h"

#include "error.h"
#include "io/text.h"
#include "network/zoo/efficientnet_lite.h"
#include "network/zoo/resnet.h"
#include "network/zoo/vgg.h"

namespace iba {

namespace {

/// The architectures of one design: their names, how they are built, and which weights tell their options.
struct Family {
  std::vector<ZooEntry> (*entries)();
  Network (*build)(const std::string& architecture, const ZooOptions& options);
  const char* first;
  const char* last;
  const char* hidden = nullptr;
};

const std::vector<Family> kFamilies = {
    {vgg_entries, build_vgg, "features.0.weight", "classifier.6.weight", "classifier.0.weight"},
    {resnet_entries, build_resnet, "conv1.weight", "fc.weight"},
    {efficientnet_lite_entries, build_efficientnet_lite, "_conv_stem.weight", "_fc.weight"}};

/// Throws MODEL.
const Family& family_of(const std::string& architecture) {
  std::vector<std::string> names;
  for (const auto& family : kFamilies) {
    for (const auto& entry : family.entries()) {
      if (entry.name == architecture) return family;
      names.push_back(entry.name);
    }
  }
  throw Error(ErrorCode::model, "There is no model '" + architecture +
                                    "'. The nearest names are: " + io::nearest(architecture, names) + ".");
}

}  // namespace

std::vector<ZooEntry> zoo_entries() {
  std::vector<ZooEntry> all;
  for (const auto& family : kFamilies) {
    auto entries = family.entries();
    all.insert(all.end(), entries.begin(), entries.end());
  }
  return all;
}

void check_architecture(const std::string& architecture) {
  family_of(architecture);
}

Network build_network(const std::string& architecture, const ZooOptions& options) {
  return family_of(architecture).build(architecture, options);
}

ZooOptions options_from_weights(const std::string& architecture,
                                const std::vector<std::pair<std::string, Tensor>>& tensors) {
  const Family& family = family_of(architecture);
  ZooOptions options;
  auto extent = [&](const char* name, int64_t rank, int64_t dimension) -> std::optional<int64_t> {
    for (const auto& [key, tensor] : tensors) {
      bool fits = name && key == name && tensor.dim() == rank && tensor.size(dimension) > 0;
      if (fits) return tensor.size(dimension);
    }
    return std::nullopt;
  };
  options.width = extent(family.first, 4, 0);
  options.input_channels = extent(family.first, 4, 1).value_or(options.input_channels);
  options.classes = extent(family.last, 2, 0).value_or(options.classes);
  options.hidden = extent(family.hidden, 2, 0).value_or(options.hidden);
  return options;
}

}  // namespace iba
