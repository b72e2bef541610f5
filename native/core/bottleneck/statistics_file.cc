#include "bottleneck/readout_place.h"
#include "bottleneck/statistics.h"
#include "error.h"
#include "finite.h"
#include "io/text.h"
#include "weights/file_entries.h"

namespace iba {

namespace {

constexpr const char* kStatisticsFormat = "attribution-bottleneck.statistics.1";

FileEntries statistics_entries(const std::filesystem::path& path, WeightFile file) {
  return {path, std::move(file), ErrorCode::statistics, "Estimate statistics from images of the data."};
}

/// Sums of squares and counts are never negative; of such, a standard deviation would be no number.
void require_sums(const FileEntries& file, const Tensor& squares, const Tensor& counts) {
  if (squares.numel() > 0 && (squares.min().item<double>() < 0 || counts.min().item<double>() < 0))
    file.refuse("has sums of squares, or counts, below 0");
}

}  // namespace

void StatisticsFile::write(const std::filesystem::path& path, const ModelStatistics& statistics) {
  std::vector<std::pair<std::string, Tensor>> tensors;
  std::map<std::string, std::string> metadata = {
      {"format", kStatisticsFormat},
      {"model", statistics.architecture},
      {"weights", statistics.weight_hash},
      {"preset", preset_name(statistics.preset)},
      {"layers", io::joined(statistics.names(), ",")},
  };
  for (const auto& layer : statistics.layers) {
    const std::string& name = layer.layer();
    require_finite(layer.squared_deviations_.to(at::kFloat), ErrorCode::statistics,
                   "the sum of squares of '" + name + "', in the file's single precision",
                   "The activations are too large: check the model's weights.");
    tensors.emplace_back(name + ".mean", layer.mean_.to(at::kFloat));
    tensors.emplace_back(name + ".squared_deviations", layer.squared_deviations_.to(at::kFloat));
    tensors.emplace_back(name + ".nonzero", layer.nonzero_.to(at::kInt));
    metadata[name + ".samples"] = std::to_string(layer.samples_);
    metadata[name + ".after_relu"] = layer.after_relu_ ? "true" : "false";
  }
  write_safetensors(path, tensors, metadata);
}

ModelStatistics StatisticsFile::read(const std::filesystem::path& path) {
  FileEntries file = statistics_entries(path, read_weight_file(path));
  if (file.text("format") != kStatisticsFormat) file.refuse("holds no layer statistics");
  auto names = file.list("layers");
  auto preset = preset_named(file.text("preset"));
  if (names.empty() || !preset) file.refuse("names no layers, or no known preset");
  ModelStatistics statistics{file.text("model"), file.text("weights"), *preset, {}};
  for (const auto& name : names) {
    auto take = [&](const char* part) { return file.tensor(name + "." + part).to(at::kDouble); };
    LayerStatistics layer(name, file.text(name + ".after_relu") == "true");
    layer.samples_ = file.count(name + ".samples");
    layer.mean_ = take("mean");
    layer.squared_deviations_ = take("squared_deviations");
    layer.nonzero_ = take("nonzero");
    if (layer.squared_deviations_.sizes() != layer.mean_.sizes() ||
        layer.nonzero_.sizes() != layer.mean_.sizes()) {
      file.refuse("has entries of different shapes for '" + name + "'");
    }
    require_sums(file, layer.squared_deviations_, layer.nonzero_);
    statistics.layers.push_back(std::move(layer));
  }
  return statistics;
}

LayerStatistics StatisticsFile::read_estimator(const FileEntries& file, const pickle::Value& entry,
                                               const Network& network, const std::string& layer) {
  auto take = [&](const char* name) {
    auto found = entry.is(pickle::Kind::kDict) ? entry.find(name) : std::nullopt;
    if (!found) file.refuse(std::string("has an estimator without '") + name + "'");
    return *found;
  };
  auto numbers = [&](const char* name) {
    Tensor values = take(name).tensor().to(at::kDouble);
    file.require_finite_entry(name, values);
    return values;
  };
  LayerStatistics statistics = make_statistics(network, "", Preset::paper, {layer}).layers[0];
  statistics.samples_ = take("num_seen").integer();
  statistics.squared_deviations_ = numbers("S");
  auto like = [&](const char* name) {
    Tensor values = numbers(name);
    if (values.sizes() != statistics.squared_deviations_.sizes()) {
      file.refuse(std::string("has an estimator whose '") + name + "' is of another shape than its 'S'");
    }
    return values;
  };
  // After a ReLU the authors' S is the sum of squares, and the mean counts as 0.
  Tensor mean = like("M");
  statistics.mean_ = statistics.after_relu_ ? at::zeros_like(mean) : mean;
  statistics.nonzero_ = like("N");
  require_sums(file, statistics.squared_deviations_, statistics.nonzero_);
  if (statistics.samples_ < 1) file.refuse("has an estimator that has seen no images");
  return statistics;
}

ModelStatistics StatisticsFile::read_published(const std::filesystem::path& path, const Network& network,
                                               const std::string& weight_hash) {
  pickle::Value top = read_pytorch_file(path);
  FileEntries file = statistics_entries(path, {});
  if (!top.is(pickle::Kind::kDict)) file.refuse("holds no estimators");
  ModelStatistics statistics{network.architecture, weight_hash, Preset::paper, {}};
  auto list = top.find("estimators");
  if (!list) {
    statistics.layers.push_back(read_estimator(file, top, network, network.bottleneck_layer));
    return statistics;
  }
  auto layers = default_readout_place(network).reads;
  if (!list->is(pickle::Kind::kList) || list->size() != layers.size()) {
    file.refuse("doesn't hold " + std::to_string(layers.size()) + " estimators");
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    statistics.layers.push_back(read_estimator(file, list->at(i), network, layers[i]));
  }
  return statistics;
}

}  // namespace iba
