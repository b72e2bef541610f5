#include "bottleneck/readout_place.h"
#include "bottleneck/statistics.h"
#include "error.h"
#include "weights/weight_file.h"

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

LayerStatistics StatisticsFile::read_estimator(const std::filesystem::path& path, const pickle::Value& entry,
                                               const Network& network, const std::string& layer) {
  auto take = [&](const char* name) {
    auto found = entry.is(pickle::Kind::kDict) ? entry.find(name) : std::nullopt;
    if (!found) refuse(path, std::string("has an estimator without '") + name + "'");
    return *found;
  };
  LayerStatistics statistics = make_statistics(network, "", Preset::paper, {layer}).layers[0];
  statistics.samples_ = take("num_seen").integer();
  statistics.squared_deviations_ = take("S").tensor().to(at::kDouble);
  auto like = [&](const char* name) {
    Tensor values = take(name).tensor().to(at::kDouble);
    if (values.sizes() != statistics.squared_deviations_.sizes()) {
      refuse(path, std::string("has an estimator whose '") + name + "' is of another shape than its 'S'");
    }
    return values;
  };
  // After a ReLU the authors' S is the sum of squares, and the mean counts as 0.
  Tensor mean = like("M");
  statistics.mean_ = statistics.after_relu_ ? at::zeros_like(mean) : mean;
  statistics.nonzero_ = like("N");
  if (statistics.samples_ < 1) refuse(path, "has an estimator that has seen no images");
  return statistics;
}

ModelStatistics StatisticsFile::read_published(const std::filesystem::path& path, const Network& network,
                                               const std::string& weight_hash) {
  pickle::Value top = read_pytorch_file(path);
  if (!top.is(pickle::Kind::kDict)) refuse(path, "holds no estimators");
  ModelStatistics statistics{network.architecture, weight_hash, Preset::paper, {}};
  auto list = top.find("estimators");
  if (!list) {
    statistics.layers.push_back(read_estimator(path, top, network, network.bottleneck_layer));
    return statistics;
  }
  auto layers = default_readout_place(network).reads;
  if (!list->is(pickle::Kind::kList) || list->size() != layers.size()) {
    refuse(path, "doesn't hold " + std::to_string(layers.size()) + " estimators");
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    statistics.layers.push_back(read_estimator(path, list->at(i), network, layers[i]));
  }
  return statistics;
}

}  // namespace iba
