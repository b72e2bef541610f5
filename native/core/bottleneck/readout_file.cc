#include "bottleneck/readout_file.h"

#include <charconv>
#include <sstream>

#include "error.h"
#include "io/safetensors.h"
#include "weights/pickle.h"

namespace iba {

namespace {

constexpr const char* kFormat = "attribution-bottleneck.readout.1";
/// The paper's readouts smooth with σ = size / 4.
constexpr double kSigmaPerTap = 0.25;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& problem) {
  throw Error("WEIGHTS",
              "'" + path.string() + "' " + problem +
                  ". Train a readout with `iba train-readout`, or give a file of the paper's authors.");
}

std::string text_of(double number) {
  std::ostringstream text;
  text.precision(17);
  text << number;
  return text.str();
}

template <typename Number>
Number parse(const std::filesystem::path& path, const std::string& name, const std::string& text) {
  Number number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size())
    refuse(path, "has '" + text + "' as its " + name);
  return number;
}

std::string joined_layers(const std::vector<NeuronStatistics>& reads) {
  std::string names;
  for (const auto& read : reads) names += (names.empty() ? "" : ",") + read.layer;
  return names;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

/// Statistics of one neuron each, (C, h, w) or (C); PyTorch may have kept the batch's dimension.
Tensor neuron_values(const std::filesystem::path& path, const std::string& name, const Tensor& values) {
  Tensor neurons =
      values.dim() % 2 == 0 && values.dim() > 0 && values.size(0) == 1 ? values.squeeze(0) : values;
  if (neurons.dim() != 1 && neurons.dim() != 3)
    refuse(path, "has a " + name + " that is no statistic of a layer");
  return neurons.to(at::kFloat);
}

/// The entries of a file by name, whose lack is an error.
class Entries {
 public:
  Entries(const std::filesystem::path& path, const NamedTensors& tensors)
      : path_(path), tensors_(tensors.begin(), tensors.end()) {}

  const Tensor& at(const std::string& name) const {
    auto found = tensors_.find(name);
    if (found == tensors_.end()) refuse(path_, "lacks the entry '" + name + "'");
    return found->second;
  }

  NeuronStatistics statistics(const std::string& layer, const std::string& mean,
                              const std::string& std) const {
    Tensor means = neuron_values(path_, mean, at(mean)), deviations = neuron_values(path_, std, at(std));
    if (means.sizes() != deviations.sizes())
      refuse(path_, "has " + mean + " and " + std + " of different shapes");
    return {layer, means, deviations, at::ones_like(means, at::kBool)};
  }

  ReadoutNetwork network(const std::vector<NeuronStatistics>& reads,
                         const NeuronStatistics& bottleneck) const {
    std::vector<int64_t> channels;
    for (const auto& read : reads) channels.push_back(read.mean.size(0));
    std::vector<Tensor> parameters;
    for (const auto& name : ReadoutNetwork::parameter_names()) parameters.push_back(at(name));
    return ReadoutNetwork(channels, bottleneck.mean.size(0), std::move(parameters));
  }

 private:
  std::filesystem::path path_;
  std::map<std::string, Tensor> tensors_;
};

Readout read_own(const std::filesystem::path& path) {
  auto file = read_weight_file(path);
  auto& metadata = file.metadata;
  if (metadata["format"] != kFormat) refuse(path, "holds no readout");
  Entries entries(path, file.tensors);
  NeuronStatistics bottleneck = entries.statistics(metadata["layer"], "bottleneck.mean", "bottleneck.std");
  bottleneck.active = entries.at("bottleneck.active").to(at::kBool);
  if (bottleneck.active.sizes() != bottleneck.mean.sizes())
    refuse(path, "has a bottleneck.active of another shape");
  std::vector<NeuronStatistics> reads;
  for (const auto& layer : split(metadata["reads"])) {
    std::string number = std::to_string(reads.size());
    reads.push_back(entries.statistics(layer, "mean_" + number, "std_" + number));
  }
  if (reads.empty()) refuse(path, "names no layers to read");
  SmoothingKernel smoothing{parse<double>(path, "sigma", metadata["sigma"]),
                            parse<int64_t>(path, "kernel size", metadata["kernel_size"])};
  Preset preset = metadata["preset"] == "paper" ? Preset::paper : Preset::iba;
  ReadoutNetwork network = entries.network(reads, bottleneck);
  return {metadata["model"], metadata["weights"], preset, smoothing, std::move(bottleneck),
          std::move(reads),  std::move(network)};
}

NamedTensors tensors_of(const pickle::Value& dict) {
  NamedTensors tensors;
  for (size_t i = 0; i < dict.size(); ++i) {
    auto [key, value] = dict.entry(i);
    if (key.is(pickle::Kind::kString) && value.is(pickle::Kind::kTensor)) {
      tensors.emplace_back(key.string(), value.tensor());
    }
  }
  return tensors;
}

/// {model_state: {mean_0, std_0, …, conv1.weight, …}, shapes, kernel_size}. The bottleneck sits in the first
/// of the layers that are read.
Readout read_published(const std::filesystem::path& path, const Network& network) {
  pickle::Value top = read_pytorch_file(path);
  auto state = top.is(pickle::Kind::kDict) ? top.find("model_state") : std::nullopt;
  if (!state || !state->is(pickle::Kind::kDict))
    refuse(path, "holds no readout: expected a dict with 'model_state'");
  auto size = top.find("kernel_size");
  int64_t taps = size && !size->is(pickle::Kind::kNone) ? size->integer() : 1;
  if (taps < 1 || taps % 2 == 0)
    refuse(path, "smooths with " + std::to_string(taps) + " taps, expected an odd number");

  Entries entries(path, tensors_of(*state));
  ReadoutPlace place = default_readout_place(network);
  std::vector<NeuronStatistics> reads;
  for (const auto& layer : place.reads) {
    std::string number = std::to_string(reads.size());
    reads.push_back(entries.statistics(layer, "mean_" + number, "std_" + number));
  }
  NeuronStatistics bottleneck = reads.front();
  ReadoutNetwork readout_network = entries.network(reads, bottleneck);
  SmoothingKernel smoothing{kSigmaPerTap * static_cast<double>(taps), taps};
  return {network.architecture,      "", Preset::paper, smoothing, std::move(bottleneck), std::move(reads),
          std::move(readout_network)};
}

}  // namespace

void write_readout(const std::filesystem::path& path, const Readout& readout,
                   const NamedTensors& more_tensors,
                   const std::map<std::string, std::string>& more_metadata) {
  NamedTensors tensors;
  const auto& names = ReadoutNetwork::parameter_names();
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor& parameter = readout.network.parameters()[i];
    // In the shape of PyTorch's convolutions.
    tensors.emplace_back(names[i], parameter.dim() == 2 ? parameter.unsqueeze(2).unsqueeze(3) : parameter);
  }
  for (size_t i = 0; i < readout.reads.size(); ++i) {
    tensors.emplace_back("mean_" + std::to_string(i), readout.reads[i].mean.to(at::kFloat));
    tensors.emplace_back("std_" + std::to_string(i), readout.reads[i].std.to(at::kFloat));
  }
  tensors.emplace_back("bottleneck.mean", readout.bottleneck.mean.to(at::kFloat));
  tensors.emplace_back("bottleneck.std", readout.bottleneck.std.to(at::kFloat));
  tensors.emplace_back("bottleneck.active", readout.bottleneck.active);
  tensors.insert(tensors.end(), more_tensors.begin(), more_tensors.end());

  std::map<std::string, std::string> metadata = {
      {"format", kFormat},
      {"model", readout.architecture},
      {"weights", readout.weight_hash},
      {"preset", readout.preset == Preset::paper ? "paper" : "iba"},
      {"layer", readout.bottleneck.layer},
      {"reads", joined_layers(readout.reads)},
      {"sigma", text_of(readout.smoothing.sigma)},
      {"kernel_size", std::to_string(readout.smoothing.taps)},
  };
  metadata.insert(more_metadata.begin(), more_metadata.end());
  write_safetensors(path, tensors, metadata);
}

Readout read_readout(const std::filesystem::path& path, const Network& network) {
  bool is_own =
      io::naming_file(path.string(), [&] { return io::looks_like_safetensors(io::InputFile(path)); });
  return is_own ? read_own(path) : read_published(path, network);
}

}  // namespace iba
