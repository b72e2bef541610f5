#pragma once

#include "attribution/method.h"
#include "network/interpreter.h"
#include "precision.h"

namespace iba::bench {

struct Options {
  at::Device device = at::kCPU;
  std::vector<int64_t> batches = {};  // each command has its own where there is none
  std::vector<Precision> precisions = {Precision::float32};
  int64_t steps = 10;
  int64_t copies = 10;
  int64_t rounds = 3;
  int64_t size = 224;  // height and width of the images
};

/// A network of the zoo with seeded weights, and what its bottleneck needs: how long it all takes doesn't
/// depend on what the numbers mean.
struct Workload {
  Network network;
  std::shared_ptr<const ModelStatistics> statistics;
  Tensor images;  // (count, 3, size, size)
};

/// With so many images.
Workload make_workload(const std::string& model, const Options& options, int64_t count = 1);

/// The network alone, on the device.
Network make_network(const std::string& model, const Options& options);

/// Images that depend on the name alone.
Tensor noise_images(const std::string& name, int64_t count, const Options& options);

/// Statistics of these layers from a few images of noise.
ModelStatistics statistics_of(const Network& network, const std::vector<std::string>& layers,
                              const Options& options);

/// The per-sample bottleneck for a workload, which must outlive it.
PreparedMethod make_per_sample(const Workload& workload, const Options& options);

/// The maps of some images, each with its own noise.
std::vector<Attribution> attribute(const PreparedMethod& method, const Tensor& images);

/// The part of the network after the bottleneck, ready to run on the noise copies of one image.
class NoisedPass {
 public:
  NoisedPass(const Workload& workload, int64_t copies);

  /// What a step of the optimisation does: forward, or forward and then backward to the bottleneck.
  void forward();
  void backward();

 private:
  Cut cut_;
  Values skipping_;
  Tensor rows_;
  Tensor logit_gradient_;
  Interpreter::Tape tape_;
};

}  // namespace iba::bench
