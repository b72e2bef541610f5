#pragma once

#include <string>
#include <vector>

#include "bottleneck/noised_layer.h"
#include "bottleneck/readout_network.h"
#include "bottleneck/readout_place.h"
#include "network/interpreter.h"
#include "runtime/cancellation.h"
#include "runtime/request.h"

namespace iba {

/// How a fresh readout is made.
struct ReadoutDesign {
  ReadoutPlace place;
  ReadoutVariant variant = ReadoutVariant::B;
  Preset preset = Preset::iba;
  SmoothingKernel smoothing;
  double minimum_std = 0.01;
  uint64_t seed = 0;
};

/// A readout network with all that belongs to it. Copies share their tensors.
struct Readout {
  /// Of the model that it was trained on; empty where a file doesn't say.
  std::string architecture;
  std::string weight_hash;
  Preset preset = Preset::iba;
  SmoothingKernel smoothing;
  /// Of the layer that the bottleneck sits in, and of those that are read.
  NeuronStatistics bottleneck;
  std::vector<NeuronStatistics> reads;
  ReadoutNetwork network;
};

/// A readout that has learnt nothing. Throws STATISTICS where a layer is missing in the statistics.
Readout make_readout(const ModelStatistics& statistics, const ReadoutDesign& design);

struct ReadoutOptions {
  /// Return the capacity per neuron.
  bool keep_capacity = false;
  /// Return what the network makes of the activations behind the bottleneck, with one noise copy: a second
  /// pass, from the cut on.
  bool keep_logits = false;
};

struct ReadoutResult {
  int64_t target;
  double probability;  // of the target, for the image as it is
  double information;  // mean capacity in nats
  Tensor map;          // (H, W), bits/pixel (`iba`) or scaled to [0, 1] (`paper`)
  Tensor capacity;     // (C, h, w), nats; if kept
  Tensor logits;       // (classes), behind the bottleneck; if kept
};

/// The readout bottleneck (Schulz et al. 2020, section 3.3): a network that was trained on many images
/// predicts the mask from the activations of several layers, so that a map takes one pass.
class ReadoutBottleneck {
 public:
  /// Both must be on the same device, and the network must outlive this. Throws MODEL for unknown layers,
  /// WEIGHTS where the readout belongs to another model.
  ReadoutBottleneck(const Network& network, const Readout& readout);

  /// One result for each image of the batch (B, C, H, W), which doesn't depend on the other images. Throws
  /// STATISTICS where the images have another size than the readout's, and ABORTED soon after a cancellation.
  std::vector<ReadoutResult> attribute(const Tensor& images, const std::vector<Request>& requests,
                                       const ReadoutOptions& options, const Cancellation& cancellation,
                                       const StepProgress& progress) const;

  /// What one plain pass over images leaves.
  struct Reading {
    Values values;              // the activation at the cut, and what skips across it
    std::vector<Tensor> reads;  // the activations of the layers that are read
    Tensor logits;              // of the images as they are
  };
  Reading read(const Tensor& images) const;

  /// What the readout network takes for some images of a reading: the normalised pixels of each layer.
  std::vector<Tensor> inputs(const Reading& reading, int64_t begin, int64_t end) const;

  /// One noise copy for each seed, as pixels (B, 1, h, w, C).
  Tensor draw_noise(const std::vector<uint64_t>& seeds, const Tensor& pixels) const;

  Smoothing smoothing_for(const Tensor& pixels) const;
  const NoisedLayer& layer() const { return layer_; }
  const Cut& cut() const { return cut_; }

 private:
  struct Scale {
    ValueId value;
    Grid grid;
    Tensor mean;  // undefined where it isn't subtracted
    Tensor std;
  };

  void check_shape(size_t read, const Tensor& activation) const;
  ReadoutResult attribute_one(const Reading& reading, int64_t image, const Tensor& alpha,
                              const Request& request, const ReadoutOptions& options,
                              std::array<int64_t, 2> image_size) const;
  Tensor map_of(const Tensor& capacity, std::array<int64_t, 2> image_size) const;

  const Network& network_;
  const Readout& readout_;
  Cut cut_;
  NoisedLayer layer_;
  std::vector<Scale> scales_;
};

}  // namespace iba
