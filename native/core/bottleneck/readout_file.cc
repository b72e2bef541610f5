#include "bottleneck/readout_file.h"

#include <sstream>

#include "error.h"
#include "finite.h"
#include "io/text.h"
#include "weights/file_entries.h"
#include "weights/pickle.h"

namespace iba {

namespace {

constexpr const char* kReadoutFormat = "attribution-bottleneck.readout.1";
/// The paper's readouts smooth with σ = size / 4.
constexpr double kSigmaPerTap = 0.25;
constexpr int64_t kMostTaps = 1001;
constexpr double kGreatestSigma = 1000;

FileEntries readout_entries(const std::filesystem::path& path, WeightFile file) {
  return {path, std::move(file), ErrorCode::weights,
          "Train a readout for this model, or give a file of the paper's authors."};
}

std::string text_of(double number) {
  std::ostringstream text;
  text.precision(17);
  text << number;
  return text.str();
}

void require_kernel(const FileEntries& file, const SmoothingKernel& kernel) {
  if (kernel.taps < 1 || kernel.taps > kMostTaps || kernel.taps % 2 == 0)
    file.refuse("smooths with " + std::to_string(kernel.taps) + " taps, expected an odd number up to " +
                std::to_string(kMostTaps));
  if (kernel.sigma < 0 || kernel.sigma > kGreatestSigma)
    file.refuse("smooths with a sigma of " + text_of(kernel.sigma) + ", expected 0 to " +
                text_of(kGreatestSigma));
}

/// Statistics of one neuron each, (C, h, w) or (C); PyTorch may have kept the batch's dimension.
Tensor neuron_values(const FileEntries& file, const std::string& name) {
  Tensor values = file.tensor(name);
  if (values.dim() % 2 == 0 && values.dim() > 0 && values.size(0) == 1) values = values.squeeze(0);
  if (values.dim() != 1 && values.dim() != 3)
    file.refuse("has a " + name + " that is no statistic of a layer");
  return values.to(at::kFloat);
}

NeuronStatistics neuron_statistics(const FileEntries& file, const std::string& layer, const std::string& mean,
                                   const std::string& std) {
  Tensor means = neuron_values(file, mean), stds = neuron_values(file, std);
  if (means.sizes() != stds.sizes()) file.refuse("has " + mean + " and " + std + " of different shapes");
  if (stds.numel() == 0 || stds.min().item<float>() <= 0) file.refuse("has a " + std + " that isn't above 0");
  return {layer, means, stds, at::ones_like(means, at::kBool)};
}

/// Of the layers that are read, which the file numbers.
std::vector<NeuronStatistics> read_statistics(const FileEntries& file,
                                              const std::vector<std::string>& layers) {
  std::vector<NeuronStatistics> reads;
  for (const auto& layer : layers) {
    std::string number = std::to_string(reads.size());
    reads.push_back(neuron_statistics(file, layer, "mean_" + number, "std_" + number));
  }
  return reads;
}

ReadoutNetwork readout_network(const FileEntries& file, const std::vector<NeuronStatistics>& reads,
                               const NeuronStatistics& bottleneck) {
  std::vector<int64_t> channels;
  for (const auto& read : reads) channels.push_back(read.mean.size(0));
  std::vector<Tensor> parameters;
  for (const auto& name : ReadoutNetwork::parameter_names()) parameters.push_back(file.tensor(name));
  return ReadoutNetwork(channels, bottleneck.mean.size(0), std::move(parameters));
}

Readout read_own(const std::filesystem::path& path) {
  FileEntries file = readout_entries(path, read_weight_file(path));
  if (file.text("format") != kReadoutFormat) file.refuse("holds no readout");
  auto bottleneck = neuron_statistics(file, file.text("layer"), "bottleneck.mean", "bottleneck.std");
  bottleneck.active = file.tensor("bottleneck.active").to(at::kBool);
  if (bottleneck.active.sizes() != bottleneck.mean.sizes())
    file.refuse("has a bottleneck.active of another shape");
  auto reads = read_statistics(file, file.list("reads"));
  auto preset = preset_named(file.text("preset"));
  if (reads.empty() || !preset) file.refuse("names no layers to read, or no known preset");
  SmoothingKernel smoothing{file.number("sigma"), file.count("kernel_size")};
  require_kernel(file, smoothing);
  ReadoutNetwork network = readout_network(file, reads, bottleneck);
  return {file.text("model"),    file.text("weights"), *preset,           smoothing,
          std::move(bottleneck), std::move(reads),     std::move(network)};
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
  bool is_readout = state && state->is(pickle::Kind::kDict);
  FileEntries file = readout_entries(path, {is_readout ? tensors_of(*state) : NamedTensors(), {}, {}});
  if (!is_readout) file.refuse("holds no readout: expected a dict with 'model_state'");
  auto size = top.find("kernel_size");
  int64_t taps = size && !size->is(pickle::Kind::kNone) ? size->integer() : 1;

  auto reads = read_statistics(file, default_readout_place(network).reads);
  NeuronStatistics bottleneck = reads.front();
  SmoothingKernel smoothing{kSigmaPerTap * static_cast<double>(taps), taps};
  require_kernel(file, smoothing);
  ReadoutNetwork read = readout_network(file, reads, bottleneck);
  return {network.architecture, "", Preset::paper, smoothing, std::move(bottleneck), std::move(reads),
          std::move(read)};
}

}  // namespace

void write_readout(const std::filesystem::path& path, const Readout& readout,
                   const NamedTensors& more_tensors,
                   const std::map<std::string, std::string>& more_metadata) {
  NamedTensors tensors;
  const auto& names = ReadoutNetwork::parameter_names();
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor& parameter = readout.network.parameters()[i];
    require_finite(parameter, ErrorCode::not_finite, "the readout's " + names[i],
                   "Its training diverged: take a smaller learning rate.");
    // In the shape of PyTorch's convolutions.
    tensors.emplace_back(names[i], parameter.dim() == 2 ? parameter.unsqueeze(2).unsqueeze(3) : parameter);
  }
  std::vector<std::string> reads;
  for (size_t i = 0; i < readout.reads.size(); ++i) {
    reads.push_back(readout.reads[i].layer);
    tensors.emplace_back("mean_" + std::to_string(i), readout.reads[i].mean.to(at::kFloat));
    tensors.emplace_back("std_" + std::to_string(i), readout.reads[i].std.to(at::kFloat));
  }
  tensors.emplace_back("bottleneck.mean", readout.bottleneck.mean.to(at::kFloat));
  tensors.emplace_back("bottleneck.std", readout.bottleneck.std.to(at::kFloat));
  tensors.emplace_back("bottleneck.active", readout.bottleneck.active);
  tensors.insert(tensors.end(), more_tensors.begin(), more_tensors.end());

  std::map<std::string, std::string> metadata = {
      {"format", kReadoutFormat},
      {"model", readout.architecture},
      {"weights", readout.weight_hash},
      {"preset", preset_name(readout.preset)},
      {"layer", readout.bottleneck.layer},
      {"reads", io::joined(reads, ",")},
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
