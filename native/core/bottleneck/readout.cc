#include "bottleneck/readout.h"

#include <algorithm>
#include <sstream>

#include "bottleneck/map.h"
#include "bottleneck/pixels.h"
#include "error.h"
#include "runtime/noise.h"

namespace iba {

namespace {

/// Images that go through the network together.
constexpr int64_t kImagesAtOnce = 16;

bool is_after_relu(const Network& network, const std::string& layer) {
  const Step* maker = network.maker(network.layer(layer).value);
  return maker && std::holds_alternative<Relu>(maker->operation);
}

}  // namespace

Readout make_readout(const ModelStatistics& statistics, const ReadoutDesign& design) {
  auto of = [&](const std::string& layer) {
    return NeuronStatistics::of(statistics.layer(layer), design.preset, design.minimum_std);
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
      layer_(readout.bottleneck, readout.preset, is_after_relu(network, readout.bottleneck.layer),
             network.device()) {
  if (!readout.architecture.empty() && readout.architecture != network.architecture) {
    throw Error("WEIGHTS", "This readout was trained on " + readout.architecture + ", not on " +
                               network.architecture + ". Choose that model, or train one for this.");
  }
  auto options = at::TensorOptions(network.device()).dtype(at::kFloat);
  for (const auto& read : readout.reads) {
    bool centred = readout.preset == Preset::iba;
    scales_.push_back({network.layer(read.layer).value,
                       centred ? statistic_pixels(read.mean, options) : Tensor(),
                       statistic_pixels(read.std, options)});
  }
}

Tensor ReadoutBottleneck::normalised(const Scale& scale, const NeuronStatistics& statistics,
                                     const Tensor& activation) const {
  Tensor pixels = to_pixels(activation.to(at::kFloat));
  if (pixels.sizes().slice(1) != scale.std.sizes()) {
    std::ostringstream message;
    message << "The readout reads '" << statistics.layer << "' in the shape " << statistics.mean.sizes()
            << ", but these images give " << activation.sizes().slice(1)
            << ". Give images of the size that it was trained with.";
    throw Error("STATISTICS", message.str());
  }
  return (scale.mean.defined() ? pixels - scale.mean : pixels) / scale.std;
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
    reading.inputs.push_back(normalised(scales_[i], readout_.reads[i], found[i]));
  }
  for (size_t i = scales_.size() + 1; i < wanted.size(); ++i) reading.values[wanted[i]] = found[i];
  layer_.check_shape(reading.values[cut_.at()]);
  return reading;
}

Tensor ReadoutBottleneck::draw_noise(const std::vector<uint64_t>& seeds, const Tensor& pixels) const {
  auto shape = pixels.sizes();
  std::vector<Tensor> drawn;
  for (uint64_t seed : seeds) {
    drawn.push_back(to_pixels(NoiseStream(seed, pixels.device()).draw({1, shape[3], shape[1], shape[2]})));
  }
  return at::stack(drawn);
}

Smoothing ReadoutBottleneck::smoothing_for(const Tensor& pixels) const {
  return Smoothing(readout_.smoothing, pixels.size(1), pixels.size(2), pixels.options());
}

std::vector<ReadoutResult> ReadoutBottleneck::attribute(const Tensor& images,
                                                        const std::vector<Request>& requests,
                                                        const ReadoutOptions& options,
                                                        const Cancellation& cancellation,
                                                        const StepProgress& progress) const {
  at::NoGradGuard no_grad;
  int64_t runs = (images.size(0) + kImagesAtOnce - 1) / kImagesAtOnce;
  std::vector<ReadoutResult> results;
  for (int64_t run = 0; run < runs; ++run) {
    cancellation.check();
    int64_t begin = run * kImagesAtOnce;
    attribute_some(images, requests, begin, std::min(begin + kImagesAtOnce, images.size(0)), options,
                   results);
    if (progress) progress(run + 1, runs);
  }
  return results;
}

void ReadoutBottleneck::attribute_some(const Tensor& images, const std::vector<Request>& requests,
                                       int64_t begin, int64_t end, const ReadoutOptions& options,
                                       std::vector<ReadoutResult>& results) const {
  Reading reading = read(images.slice(0, begin, end));
  Tensor deviation = layer_.deviation(to_pixels(reading.values[cut_.at()]));
  Tensor alpha = readout_.network.forward(reading.inputs, deviation.size(1), deviation.size(2));
  Mask mask = mask_of(alpha, smoothing_for(deviation));
  Tensor capacity = layer_.capacity(layer_.normalise(deviation), mask);

  Tensor behind;
  if (options.keep_logits) {
    std::vector<uint64_t> seeds;
    for (int64_t i = begin; i < end; ++i) seeds.push_back(requests[i].seed);
    Tensor mixed = layer_.mix(deviation, mask, draw_noise(seeds, deviation)).flatten(0, 1);
    behind = cut_.after(reading.values, from_pixels(mixed, layer_.dimensions())).cpu();
  }
  Tensor information = capacity.mean({1, 2, 3}, false, at::kDouble).cpu();
  Tensor probabilities = at::softmax(reading.logits.to(at::kCPU, at::kFloat), 1);
  std::array<int64_t, 2> image_size{images.size(2), images.size(3)};
  for (int64_t b = 0; b < end - begin; ++b) {
    int64_t target = requests[begin + b].target;
    if (target < 0) target = probabilities[b].argmax().item<int64_t>();
    Tensor image_capacity = capacity[b].permute({2, 0, 1});
    results.push_back({target, probabilities[b][target].item<double>(), information[b].item<double>(),
                       map_of(image_capacity, image_size),
                       options.keep_capacity ? image_capacity.cpu().contiguous() : Tensor(),
                       behind.defined() ? behind[b] : Tensor()});
  }
}

Tensor ReadoutBottleneck::map_of(const Tensor& capacity, std::array<int64_t, 2> image_size) const {
  if (readout_.preset == Preset::iba) return capacity_map(capacity, Preset::iba, image_size);
  return paper_readout_map(capacity, image_size);
}

}  // namespace iba
