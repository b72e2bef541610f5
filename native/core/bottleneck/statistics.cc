#include "bottleneck/statistics.h"

#include <algorithm>
#include <cmath>

#include "error.h"
#include "finite.h"
#include "io/text.h"
#include "network/graph.h"
#include "network/interpreter.h"

namespace iba {

namespace {

constexpr double kActiveShare = 0.01;
/// Of the paper's code: the least that a neuron's squares sum up to.
constexpr double kSmallestSquares = 1e-5;

/// The square roots of doubles, in place. LibTorch's are MKL's, whose last digits may differ from process to
/// process: what several compute of the same statistics must be the same.
Tensor rooted(Tensor values) {
  values = values.contiguous();
  auto* value = values.mutable_data_ptr<double>();
  std::transform(value, value + values.numel(), value, [](double square) { return std::sqrt(square); });
  return values;
}

void require(bool holds, const std::string& message) {
  if (!holds) throw Error(ErrorCode::statistics, message);
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
          "The activations of '" + layer_ +
              "' changed their shape between batches: use images of one size, or texts of one length.");
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
  require_samples(1);
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

Tensor LayerStatistics::mean(const Conventions& conventions) const {
  require_samples(1);
  return conventions.zero_mean_after_relu && after_relu_ ? at::zeros_like(mean_) : mean_;
}

Tensor LayerStatistics::standard_deviation(const Conventions& conventions, double minimum_std) const {
  auto n = static_cast<double>(samples_);
  require_samples(conventions.sample_std ? 2 : 1);
  if (conventions.sample_std) return rooted(squared_deviations_ / (n - 1)).clamp_min_(minimum_std);
  if (!after_relu_) return rooted(squared_deviations_.clamp_min(kSmallestSquares) / n);
  Tensor squares = squared_deviations_ + mean_ * mean_ * n;
  return rooted(squares.clamp_min(kSmallestSquares) / nonzero_.clamp_min(1));
}

Tensor LayerStatistics::active(const Conventions& conventions) const {
  if (!conventions.silences_inactive) return at::ones_like(mean_, at::kBool);
  return nonzero_ > kActiveShare * static_cast<double>(samples_);
}

void LayerStatistics::require_samples(int64_t least) const {
  require(samples_ >= least, "The statistics of '" + layer_ + "' need at least " + std::to_string(least) +
                                 (least == 1 ? " sample" : " samples") + ", found " +
                                 std::to_string(samples_) + ".");
}

const LayerStatistics& ModelStatistics::layer(const std::string& name) const {
  for (const auto& statistics : layers) {
    if (statistics.layer() == name) return statistics;
  }
  throw Error(ErrorCode::statistics, "These statistics hold no layer '" + name +
                                         "', only: " + io::joined(names()) +
                                         ". Estimate them for that layer, or choose one of these.");
}

std::vector<std::string> ModelStatistics::names() const {
  std::vector<std::string> names;
  for (const auto& statistics : layers) names.push_back(statistics.layer());
  return names;
}

bool is_after_relu(const Network& network, const std::string& layer) {
  const Step* maker = maker_of(network, network.layer(layer).value);
  return maker && std::holds_alternative<Relu>(maker->operation);
}

ModelStatistics make_statistics(const Network& network, const std::string& weight_hash, Preset preset,
                                const std::vector<std::string>& layers) {
  ModelStatistics statistics{network.architecture, weight_hash, preset, {}};
  for (const auto& name : layers) {
    statistics.layers.emplace_back(name, is_after_relu(network, name));
  }
  return statistics;
}

void update_statistics(ModelStatistics& statistics, const Network& network, const Tensor& images,
                       const std::vector<std::string>& names) {
  std::vector<ValueId> values;
  for (const auto& layer : statistics.layers) values.push_back(network.layer(layer.layer()).value);
  auto found = activations(network, images, values);
  for (size_t i = 0; i < found.size(); ++i)
    require_finite_rows(found[i], names, "the activation of '" + statistics.layers[i].layer() + "'");
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
