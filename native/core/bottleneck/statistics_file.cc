#include "bottleneck/statistics.h"
#include "error.h"
#include "network/weights/weight_file.h"

namespace iba {

namespace {

constexpr const char* kFormat = "attribution-bottleneck.statistics.1";

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& problem) {
  throw Error("STATISTICS", path.string() + " " + problem + ". Make statistics with `iba estimate`.");
}

std::string joined_layers(const ModelStatistics& statistics) {
  std::string names;
  for (const auto& layer : statistics.layers) names += (names.empty() ? "" : ",") + layer.layer();
  return names;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

int64_t parse_samples(const std::filesystem::path& path, const std::string& text) {
  bool digits =
      !text.empty() && text.size() < 16 && text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits) refuse(path, "has '" + text + "' as a number of samples");
  return std::stoll(text);
}

}  // namespace

void StatisticsFile::write(const std::filesystem::path& path, const ModelStatistics& statistics) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"model", statistics.architecture},
      {"weights", statistics.weight_hash},
      {"preset", statistics.preset == Preset::paper ? "paper" : "iba"},
      {"layers", joined_layers(statistics)},
  };
  for (const auto& layer : statistics.layers) {
    const std::string& name = layer.layer();
    tensors.emplace_back(name + ".mean", layer.mean_.to(at::kFloat));
    tensors.emplace_back(name + ".squared_deviations", layer.squared_deviations_.to(at::kFloat));
    tensors.emplace_back(name + ".nonzero", layer.nonzero_.to(at::kInt));
    metadata[name + ".samples"] = std::to_string(layer.samples_);
    metadata[name + ".after_relu"] = layer.after_relu_ ? "true" : "false";
  }
  write_safetensors(path, tensors, metadata);
}

ModelStatistics StatisticsFile::read(const std::filesystem::path& path) {
  auto file = read_weight_file(path);
  auto& metadata = file.metadata;
  if (metadata["format"] != kFormat) refuse(path, "holds no layer statistics");

  std::map<std::string, Tensor> tensors(file.tensors.begin(), file.tensors.end());
  ModelStatistics statistics{metadata["model"],
                             metadata["weights"],
                             metadata["preset"] == "paper" ? Preset::paper : Preset::iba,
                             {}};
  for (const auto& name : split(metadata["layers"])) {
    auto take = [&](const char* part) {
      auto found = tensors.find(name + "." + part);
      if (found == tensors.end()) refuse(path, "lacks the entry '" + name + "." + part + "'");
      return found->second.to(at::kDouble);
    };
    LayerStatistics layer(name, metadata[name + ".after_relu"] == "true");
    layer.samples_ = parse_samples(path, metadata[name + ".samples"]);
    layer.mean_ = take("mean");
    layer.squared_deviations_ = take("squared_deviations");
    layer.nonzero_ = take("nonzero");
    if (layer.squared_deviations_.sizes() != layer.mean_.sizes() ||
        layer.nonzero_.sizes() != layer.mean_.sizes()) {
      refuse(path, "has entries of different shapes for '" + name + "'");
    }
    statistics.layers.push_back(std::move(layer));
  }
  return statistics;
}

}  // namespace iba
