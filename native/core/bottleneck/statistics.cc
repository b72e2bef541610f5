#include "bottleneck/statistics.h"

#include "error.h"
#include "network/interpreter.h"

namespace iba {

namespace {

constexpr double kActiveShare = 0.01;
constexpr double kPaperFloor = 1e-5;

void require(bool holds, const std::string& message) {
  if (!holds) throw Error("STATISTICS", message);
}

}  // namespace

void LayerStatistics::update(const Tensor& activations) {
  Tensor batch = activations.to(at::kCPU, at::kDouble).contiguous();
  LayerStatistics part(layer_, after_relu_);
  part.samples_ = batch.size(0);
  part.mean_ = batch.mean(0);
  part.squared_deviations_ = (batch - part.mean_).square_().sum(0);
  part.nonzero_ = batch.ne(0).sum(0).to(at::kDouble);
  merge(part);
}

void LayerStatistics::merge(const LayerStatistics& other) {
  if (other.samples_ == 0) return;
  if (samples_ == 0) {
    *this = other;
    return;
  }
  require(other.mean_.sizes() == mean_.sizes(),
          "The activations of '" + layer_ + "' changed their shape between batches: use images of one size.");
  auto total = static_cast<double>(samples_ + other.samples_);
  Tensor delta = other.mean_ - mean_;
  double weight = static_cast<double>(other.samples_) / total;
  // Never in place: a copy of these statistics shares the tensors.
  squared_deviations_ = squared_deviations_ + other.squared_deviations_ +
                        delta * delta * (static_cast<double>(samples_) * weight);
  mean_ = mean_ + delta * weight;
  nonzero_ = nonzero_ + other.nonzero_;
  samples_ += other.samples_;
}

Tensor LayerStatistics::packed() const {
  require(samples_ > 0, "No images were taken into the statistics of '" + layer_ + "'.");
  Tensor count = at::full({1}, static_cast<double>(samples_), at::kDouble);
  return at::cat({count, mean_.flatten(), squared_deviations_.flatten(), nonzero_.flatten()});
}

LayerStatistics LayerStatistics::unpacked(const Tensor& sums) const {
  LayerStatistics other(layer_, after_relu_);
  auto parts = sums.slice(0, 1).chunk(3);
  other.samples_ = static_cast<int64_t>(sums[0].item<double>());
  other.mean_ = parts[0].view(shape());
  other.squared_deviations_ = parts[1].view(shape());
  other.nonzero_ = parts[2].view(shape());
  return other;
}

Tensor LayerStatistics::mean(Preset preset) const {
  require(samples_ > 0, "No images were taken into the statistics of '" + layer_ + "'.");
  return preset == Preset::paper && after_relu_ ? at::zeros_like(mean_) : mean_;
}

Tensor LayerStatistics::standard_deviation(Preset preset, double minimum_std) const {
  auto n = static_cast<double>(samples_);
  if (preset == Preset::iba) {
    require(samples_ > 1, "The statistics of '" + layer_ + "' need at least 2 samples, found " +
                              std::to_string(samples_) + ".");
    return (squared_deviations_ / (n - 1)).sqrt_().clamp_min_(minimum_std);
  }
  require(samples_ > 0, "No images were taken into the statistics of '" + layer_ + "'.");
  if (after_relu_) {
    Tensor squares = squared_deviations_ + mean_ * mean_ * n;
    return (squares.clamp_min(kPaperFloor) / nonzero_.clamp_min(1)).sqrt();
  }
  return (squared_deviations_.clamp_min(kPaperFloor) / n).sqrt();
}

Tensor LayerStatistics::active(Preset preset) const {
  if (preset == Preset::paper) return at::ones_like(mean_, at::kBool);
  return nonzero_ > kActiveShare * static_cast<double>(samples_);
}

const LayerStatistics& ModelStatistics::layer(const std::string& name) const {
  std::string known;
  for (const auto& statistics : layers) {
    if (statistics.layer() == name) return statistics;
    known += (known.empty() ? "" : ", ") + statistics.layer();
  }
  throw Error("STATISTICS", "These statistics hold no layer '" + name + "', only: " + known +
                                ". Estimate them for that layer, or choose one of these.");
}

ModelStatistics make_statistics(const Network& network, const std::string& weight_hash, Preset preset,
                                const std::vector<std::string>& layers) {
  ModelStatistics statistics{network.architecture, weight_hash, preset, {}};
  for (const auto& name : layers) {
    const Step* maker = network.maker(network.layer(name).value);
    statistics.layers.emplace_back(name, maker && std::holds_alternative<Relu>(maker->operation));
  }
  return statistics;
}

void update_statistics(ModelStatistics& statistics, const Network& network, const Tensor& images) {
  std::vector<ValueId> values;
  for (const auto& layer : statistics.layers) values.push_back(network.layer(layer.layer()).value);
  auto found = activations(network, images, values);
  for (size_t i = 0; i < found.size(); ++i) statistics.layers[i].update(found[i]);
}

void merge_statistics(ModelStatistics& into, const ModelStatistics& from) {
  require(into.architecture == from.architecture && into.weight_hash == from.weight_hash,
          "These statistics are of different models: " + into.architecture + " (weights " + into.weight_hash +
              ") and " + from.architecture + " (weights " + from.weight_hash + ").");
  require(into.preset == from.preset, "These statistics are for different presets.");
  require(into.layers.size() == from.layers.size(), "These statistics are of different layers.");
  for (auto& layer : into.layers) layer.merge(from.layer(layer.layer()));
}

}  // namespace iba
