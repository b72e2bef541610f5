#include "network/zoo/zoo.h"

#include "error.h"
#include "io/text.h"
#include "network/zoo/resnet.h"
#include "network/zoo/vgg.h"

namespace iba {

namespace {

const ZooEntry& find_entry(const std::vector<ZooEntry>& entries, const std::string& architecture) {
  std::vector<std::string> names;
  for (const auto& entry : entries) {
    if (entry.name == architecture) return entry;
    names.push_back(entry.name);
  }
  throw Error(ErrorCode::model, "There is no model '" + architecture +
                                    "'. The nearest names are: " + io::nearest(architecture, names) + ".");
}

}  // namespace

std::vector<ZooEntry> zoo_entries() {
  auto entries = vgg_entries();
  auto resnets = resnet_entries();
  entries.insert(entries.end(), resnets.begin(), resnets.end());
  return entries;
}

void check_architecture(const std::string& architecture) {
  find_entry(zoo_entries(), architecture);
}

Network build_network(const std::string& architecture, const ZooOptions& options) {
  auto entries = zoo_entries();
  const auto& entry = find_entry(entries, architecture);
  return entry.family == "VGG" ? build_vgg(architecture, options) : build_resnet(architecture, options);
}

ZooOptions options_from_weights(const std::string& architecture,
                                const std::vector<std::pair<std::string, Tensor>>& tensors) {
  auto entries = zoo_entries();
  bool is_vgg = find_entry(entries, architecture).family == "VGG";
  ZooOptions options;
  auto read = [&](const char* name, int64_t rank, int64_t dimension, int64_t& value) {
    for (const auto& [key, tensor] : tensors) {
      if (key == name && tensor.dim() == rank && tensor.size(dimension) > 0) value = tensor.size(dimension);
    }
  };
  read(is_vgg ? "features.0.weight" : "conv1.weight", 4, 0, options.width);
  read(is_vgg ? "features.0.weight" : "conv1.weight", 4, 1, options.input_channels);
  read(is_vgg ? "classifier.6.weight" : "fc.weight", 2, 0, options.classes);
  if (is_vgg) read("classifier.0.weight", 2, 0, options.hidden);
  return options;
}

}  // namespace iba
