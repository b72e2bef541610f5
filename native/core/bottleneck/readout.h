#pragma once

#include <string>
#include <vector>

#include "bottleneck/noised_layer.h"
#include "bottleneck/readout_network.h"
#include "bottleneck/readout_place.h"
#include "network/cut.h"

namespace iba {

/// How a fresh readout is made.
struct ReadoutDesign {
  ReadoutPlace place;
  ReadoutVariant variant;
  Preset preset;
  SmoothingKernel smoothing;
  double minimum_std;
  uint64_t seed;
};

/// A readout network with all that belongs to it. Copies share their tensors.
struct Readout {
  /// Of the model that it was trained on; empty where a file doesn't say.
  std::string architecture;
  std::string weight_hash;
  Preset preset;
  SmoothingKernel smoothing;
  /// Of the layer that the bottleneck sits in, and of those that are read.
  NeuronStatistics bottleneck;
  std::vector<NeuronStatistics> reads;
  ReadoutNetwork network;
};

/// A readout that has learnt nothing. Throws STATISTICS where a layer is missing in the statistics.
Readout make_readout(const ModelStatistics& statistics, const ReadoutDesign& design);

/// The readout bottleneck (Schulz et al. 2020, section 3.3) in a network: a readout network that was trained
/// on many images predicts the mask from the activations of several layers, so that a map takes one pass.
class ReadoutBottleneck {
 public:
  /// Both must be on the same device and outlive this. Throws MODEL for unknown layers, WEIGHTS where the
  /// readout belongs to another model.
  ReadoutBottleneck(const Network& network, const Readout& readout);

  /// What one plain pass over images leaves.
  struct Reading {
    Values values;              // the activation at the cut, and what skips across it
    std::vector<Tensor> reads;  // the activations of the layers that are read
    Tensor logits;              // of the images as they are
  };
  /// Throws STATISTICS where the images have another size than the readout's.
  Reading read(const Tensor& images) const;

  /// α (B, h, w, C) of some images of a reading, as the readout network predicts it; it may be another than
  /// the readout's own, of the same layers.
  Tensor alpha(const Reading& reading, int64_t begin, int64_t end, const ReadoutNetwork& readout_network,
               ReadoutNetwork::Trace* trace = nullptr) const;

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

  const Network& network_;
  const Readout& readout_;
  Cut cut_;
  NoisedLayer layer_;
  std::vector<Scale> scales_;
};

}  // namespace iba
