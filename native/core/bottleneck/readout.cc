#include "bottleneck/readout.h"

#include <sstream>

#include "error.h"

namespace iba {

namespace {

/// Images and vectors, whose grid doesn't depend on the size of the picture.
Grid grid_for(const Network& network, const NeuronStatistics& statistics) {
  auto shape = statistics.mean.sizes();
  auto grid = grid_of(network.layer(statistics.layer), shape, {1, 1});
  if (grid && grid->form != Grid::Form::tokens) return *grid;
  std::ostringstream message;
  message << "The activation of '" << statistics.layer << "' has the shape " << shape
          << " for an image. A readout needs images or vectors: choose other layers.";
  throw Error(ErrorCode::model, message.str());
}

}  // namespace

Readout make_readout(const ModelStatistics& statistics, const ReadoutDesign& design) {
  auto of = [&](const std::string& layer) {
    return NeuronStatistics::of(statistics.layer(layer), conventions_of(design.preset), design.minimum_std);
  };
  NeuronStatistics bottleneck = of(design.place.layer);
  std::vector<NeuronStatistics> reads;
  std::vector<int64_t> channels;
  for (const auto& layer : design.place.reads) {
    reads.push_back(of(layer));
    channels.push_back(reads.back().mean.size(0));
  }
  ReadoutNetwork network(channels, bottleneck.mean.size(0), design.variant, design.seed);
  return {statistics.architecture, statistics.weight_hash, design.preset,     design.smoothing,
          std::move(bottleneck),   std::move(reads),       std::move(network)};
}

ReadoutBottleneck::ReadoutBottleneck(const Network& network, const Readout& readout)
    : network_(network),
      readout_(readout),
      cut_(network, network.layer(readout.bottleneck.layer).value),
      layer_(network, readout.bottleneck, grid_for(network, readout.bottleneck),
             conventions_of(readout.preset), readout.smoothing) {
  if (!readout.architecture.empty() && readout.architecture != network.architecture) {
    throw Error(ErrorCode::weights, "This readout was trained on " + readout.architecture + ", not on " +
                                        network.architecture + ". Choose that model, or train one for this.");
  }
  auto options = at::TensorOptions(network.device()).dtype(at::kFloat);
  bool centres = conventions_of(readout.preset).centres_readout_inputs;
  for (const auto& read : readout.reads) {
    Grid grid = grid_for(network, read);
    auto to_pixels = [&](const Tensor& statistic) {
      return grid.to_pixels(statistic.to(options).unsqueeze(0))[0].contiguous();
    };
    scales_.push_back({network.layer(read.layer).value, grid, centres ? to_pixels(read.mean) : Tensor(),
                       to_pixels(read.std)});
  }
}

void ReadoutBottleneck::check_shape(size_t read, const Tensor& activation) const {
  const NeuronStatistics& statistics = readout_.reads[read];
  if (activation.sizes().slice(1) == statistics.mean.sizes()) return;
  std::ostringstream message;
  message << "The readout reads '" << statistics.layer << "' in the shape " << statistics.mean.sizes()
          << ", but these images give " << activation.sizes().slice(1)
          << ". Give images of the size that it was trained with.";
  throw Error(ErrorCode::statistics, message.str());
}

ReadoutBottleneck::Reading ReadoutBottleneck::read(const Tensor& images) const {
  std::vector<ValueId> wanted;
  for (const auto& scale : scales_) wanted.push_back(scale.value);
  const auto& skipping = cut_.skipping();
  wanted.push_back(network_.output);
  wanted.push_back(cut_.at());
  wanted.insert(wanted.end(), skipping.begin(), skipping.end());
  auto found = activations(network_, images, wanted);

  Reading reading{Values(network_.value_count), {}, found[scales_.size()]};
  for (size_t i = 0; i < scales_.size(); ++i) {
    check_shape(i, found[i]);
    reading.reads.push_back(found[i]);
  }
  for (size_t i = scales_.size() + 1; i < wanted.size(); ++i) reading.values[wanted[i]] = found[i];
  layer_.check_shape(reading.values[cut_.at()]);
  return reading;
}

Tensor ReadoutBottleneck::alpha(const Reading& reading, int64_t begin, int64_t end,
                                const ReadoutNetwork& readout_network, ReadoutNetwork::Trace* trace) const {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < scales_.size(); ++i) {
    Tensor pixels = scales_[i].grid.to_pixels(reading.reads[i].slice(0, begin, end).to(at::kFloat));
    if (scales_[i].mean.defined())
      pixels = is_exclusive(pixels) ? pixels.sub_(scales_[i].mean) : pixels - scales_[i].mean;
    inputs.push_back(is_exclusive(pixels) ? pixels.div_(scales_[i].std) : pixels / scales_[i].std);
  }
  return readout_network.forward(inputs, layer_.grid().height, layer_.grid().width, trace);
}

}  // namespace iba
