#pragma once

#include <vector>

#include "bottleneck/noised_layer.h"
#include "network/interpreter.h"
#include "runtime/cancellation.h"
#include "runtime/request.h"

namespace iba {

struct PerSampleOptions {
  Preset preset = Preset::iba;
  double beta = 10;
  int64_t steps = 10;
  /// Noise copies of each image in each step.
  int64_t copies = 10;
  double learning_rate = 1;
  double sigma = 1;
  double minimum_std = 0.01;
  /// Keep the capacity per neuron, and the map after every step.
  bool keep_capacity = false;
  bool keep_steps = false;
};

/// One optimisation step: loss = cross_entropy + β·information, both in nats; information is the mean
/// capacity.
struct PerSampleStep {
  double loss;
  double cross_entropy;
  double information;
};

struct PerSampleResult {
  int64_t target;
  double probability;  // of the target, for the image as it is
  Tensor map;          // (H, W), bits/pixel (`iba`) or scaled to [0, 1] (`paper`)
  Tensor capacity;     // (C, h, w), nats, of the last forward pass; if kept
  std::vector<PerSampleStep> steps;
  std::vector<Tensor> step_maps;  // (H, W); if kept
};

/// The per-sample bottleneck (Schulz et al. 2020, section 3.2): for each image, α is optimised so that the
/// class stays recognisable while as little information as possible passes the layer.
class PerSampleBottleneck {
 public:
  /// Throws STATISTICS where the statistics don't fit the layer's activations.
  PerSampleBottleneck(const Network& network, const LayerStatistics& statistics, PerSampleOptions options);

  /// One result for each image of the batch (B, C, H, W), which doesn't depend on the other images. Throws
  /// ABORTED within one step of a cancellation.
  std::vector<PerSampleResult> attribute(const Tensor& images, const std::vector<Request>& requests,
                                         const Cancellation& cancellation,
                                         const StepProgress& progress) const;

 private:
  friend class PerSampleRun;

  const Network& network_;
  PerSampleOptions options_;
  NeuronStatistics statistics_;
  bool after_relu_;
  Cut cut_;
};

}  // namespace iba
