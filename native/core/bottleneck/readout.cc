#include "bottleneck/readout.h"

#include <algorithm>
#include <sstream>

#include "bottleneck/capacity_map.h"
#include "error.h"
#include "runtime/noise.h"

namespace iba {

namespace {

/// Images that go through the network together.
constexpr int64_t kImagesAtOnce = 16;
/// Images that the readout network's first convolution takes together, in the small layers.
constexpr int64_t kImagesReadAtOnce = 8;

/// Images and vectors, whose grid doesn't depend on the size of the picture.
Grid grid_for(const Network& network, const NeuronStatistics& statistics) {
  auto shape = statistics.mean.sizes();
  auto grid = grid_of(network.layer(statistics.layer), shape, {1, 1});
  if (grid && grid->form != Grid::Form::tokens) return *grid;
  std::ostringstream message;
  message << "The activation of '" << statistics.layer << "' has the shape " << shape
          << " for an image. A readout needs images or vectors: choose other layers.";
  throw Error("MODEL", message.str());
}

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
      layer_(readout.bottleneck, grid_for(network, readout.bottleneck), readout.preset,
             is_after_relu(network, readout.bottleneck.layer), network.device()) {
  if (!readout.architecture.empty() && readout.architecture != network.architecture) {
    throw Error("WEIGHTS", "This readout was trained on " + readout.architecture + ", not on " +
                               network.architecture + ". Choose that model, or train one for this.");
  }
  auto options = at::TensorOptions(network.device()).dtype(at::kFloat);
  for (const auto& read : readout.reads) {
    bool centred = readout.preset == Preset::iba;
    Grid grid = grid_for(network, read);
    auto to_pixels = [&](const Tensor& statistic) {
      return grid.to_pixels(statistic.to(options).unsqueeze(0))[0].contiguous();
    };
    scales_.push_back({network.layer(read.layer).value, grid, centred ? to_pixels(read.mean) : Tensor(),
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
  throw Error("STATISTICS", message.str());
}

std::vector<Tensor> ReadoutBottleneck::inputs(const Reading& reading, int64_t begin, int64_t end) const {
  std::vector<Tensor> normalised;
  for (size_t i = 0; i < scales_.size(); ++i) {
    Tensor pixels = scales_[i].grid.to_pixels(reading.reads[i].slice(0, begin, end).to(at::kFloat));
    if (scales_[i].mean.defined()) pixels = pixels - scales_[i].mean;
    normalised.push_back(pixels / scales_[i].std);
  }
  return normalised;
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

Tensor ReadoutBottleneck::draw_noise(const std::vector<uint64_t>& seeds, const Tensor& pixels) const {
  auto shape = readout_.bottleneck.mean.sizes().vec();
  shape.insert(shape.begin(), 1);
  std::vector<Tensor> drawn;
  for (uint64_t seed : seeds) {
    drawn.push_back(layer_.grid().to_pixels(NoiseStream(seed, pixels.device()).draw(shape)));
  }
  return at::stack(drawn);
}

Smoothing ReadoutBottleneck::smoothing_for(const Tensor& pixels) const {
  return Smoothing(readout_.smoothing, layer_.grid(), pixels.options());
}

std::vector<ReadoutResult> ReadoutBottleneck::attribute(const Tensor& images,
                                                        const std::vector<Request>& requests,
                                                        const ReadoutOptions& options,
                                                        const Cancellation& cancellation,
                                                        const StepProgress& progress) const {
  at::NoGradGuard no_grad;
  std::array<int64_t, 2> image_size{images.size(2), images.size(3)};
  std::vector<ReadoutResult> results;
  for (int64_t begin = 0; begin < images.size(0); begin += kImagesAtOnce) {
    cancellation.check();
    Reading reading = read(images.slice(0, begin, std::min(begin + kImagesAtOnce, images.size(0))));
    for (int64_t first = 0; first < reading.logits.size(0); first += kImagesReadAtOnce) {
      int64_t last = std::min(first + kImagesReadAtOnce, reading.logits.size(0));
      auto shape = reading.values[cut_.at()].sizes();
      bool is_vector = shape.size() == 2;
      Tensor alphas = readout_.network.forward(inputs(reading, first, last), is_vector ? 1 : shape[2],
                                               is_vector ? 1 : shape[3]);
      // One after the other, so that what is computed stays in the processor's caches.
      for (int64_t image = first; image < last; ++image) {
        cancellation.check();
        Tensor alpha = alphas.narrow(0, image - first, 1);
        results.push_back(attribute_one(reading, image, alpha, requests[begin + image], options, image_size));
        if (progress) progress(begin + image + 1, images.size(0));
      }
    }
  }
  return results;
}

ReadoutResult ReadoutBottleneck::attribute_one(const Reading& reading, int64_t image, const Tensor& alpha,
                                               const Request& request, const ReadoutOptions& options,
                                               std::array<int64_t, 2> image_size) const {
  Tensor deviation = layer_.deviation(layer_.grid().to_pixels(reading.values[cut_.at()].narrow(0, image, 1)));
  Mask mask = mask_of(alpha, smoothing_for(deviation));
  Tensor capacity = layer_.capacity(layer_.normalise(deviation), mask);
  Tensor probabilities = at::softmax(reading.logits[image].to(at::kCPU, at::kFloat), 0);
  int64_t target = request.target < 0 ? probabilities.argmax().item<int64_t>() : request.target;
  Tensor nats = capacity[0].permute({2, 0, 1});
  ReadoutResult result{target,
                       probabilities[target].item<double>(),
                       capacity.mean(at::kDouble).item<double>(),
                       map_of(nats, image_size),
                       {},
                       {}};
  if (options.keep_capacity) result.capacity = nats.cpu().contiguous();
  if (options.keep_logits) {
    Tensor mixed = layer_.mix(deviation, mask, draw_noise({request.seed}, deviation)).flatten(0, 1);
    Tensor row = at::full({1}, image, at::TensorOptions(deviation.device()).dtype(at::kLong));
    Values skipping = cut_.select(reading.values, row);
    result.logits = cut_.after(skipping, layer_.grid().from_pixels(mixed))[0].cpu();
  }
  return result;
}

Tensor ReadoutBottleneck::map_of(const Tensor& capacity, std::array<int64_t, 2> image_size) const {
  if (readout_.preset == Preset::iba) return capacity_map(capacity, Preset::iba, image_size);
  return paper_readout_map(capacity, image_size);
}

}  // namespace iba
