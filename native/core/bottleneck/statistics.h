#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bottleneck/conventions.h"
#include "network/network.h"
#include "weights/pickle.h"

namespace iba {

class FileEntries;

/// Running statistics of one layer's activations over a stream of images: constant memory, mergeable. All
/// presets read their mean and standard deviation from the same sums.
class LayerStatistics {
 public:
  LayerStatistics(std::string layer, bool after_relu) : layer_(std::move(layer)), after_relu_(after_relu) {}

  /// Adds a batch of activations (N, ...).
  void update(const Tensor& activations);

  /// Adds what another pass over other images found (Chan et al. 1979).
  void merge(const LayerStatistics& other);

  /// All its sums as one float64 tensor, to be sent to another process, and statistics of the same layer from
  /// such.
  Tensor packed() const;
  LayerStatistics unpacked(const Tensor& sums) const;

  const std::string& layer() const { return layer_; }
  /// Whether the layer's values come out of a ReLU.
  bool after_relu() const { return after_relu_; }
  int64_t samples() const { return samples_; }
  at::IntArrayRef shape() const { return mean_.sizes(); }

  /// Mean and standard deviation per neuron, float64 on the CPU. `minimum_std` is the floor of conventions
  /// that have one.
  Tensor mean(const Conventions& conventions) const;
  Tensor standard_deviation(const Conventions& conventions, double minimum_std) const;
  /// Neurons that were non-zero in more than 1 % of the samples, or all of them where inactive ones aren't
  /// silenced.
  Tensor active(const Conventions& conventions) const;

 private:
  friend class StatisticsFile;
  void require_samples(int64_t least) const;

  std::string layer_;
  bool after_relu_;
  int64_t samples_ = 0;
  Tensor mean_;                // float64
  Tensor squared_deviations_;  // float64: the sum over samples of (x - mean)²
  Tensor nonzero_;             // float64: in how many samples the neuron was not zero
};

/// Statistics of several layers of one model, made in one pass.
struct ModelStatistics {
  std::string architecture;
  std::string weight_hash;
  Preset preset;
  std::vector<LayerStatistics> layers;

  /// Throws STATISTICS where there is no such layer.
  const LayerStatistics& layer(const std::string& name) const;
  std::vector<std::string> names() const;
};

/// Whether the values of the named layer come out of a ReLU.
bool is_after_relu(const Network& network, const std::string& layer);

/// Empty statistics for the named layers of a network.
ModelStatistics make_statistics(const Network& network, const std::string& weight_hash, Preset preset,
                                const std::vector<std::string>& layers);

/// Runs the images as far as the last of the layers, once, and adds all of them. Throws NOT_FINITE, with the
/// layer and the image's name, where an activation isn't finite; nothing is added then.
void update_statistics(ModelStatistics& statistics, const Network& network, const Tensor& images,
                       const std::vector<std::string>& names);

/// Merges layer by layer. Throws STATISTICS where the two are of different models, presets or layers.
void merge_statistics(ModelStatistics& into, const ModelStatistics& from);

/// Writes and reads statistics as safetensors with metadata, and reads those that the paper's authors
/// published. All throw STATISTICS or WEIGHTS.
class StatisticsFile {
 public:
  static void write(const std::filesystem::path& path, const ModelStatistics& statistics);
  static ModelStatistics read(const std::filesystem::path& path);

  /// The estimators of the authors' archive (estimator_resnet50_2.torch and its like), which don't name their
  /// layers: a single one is of the bottleneck's layer, several are of those that a readout reads. They serve
  /// the `paper` preset.
  static ModelStatistics read_published(const std::filesystem::path& path, const Network& network,
                                        const std::string& weight_hash);

 private:
  static LayerStatistics read_estimator(const FileEntries& file, const pickle::Value& entry,
                                        const Network& network, const std::string& layer);
};

}  // namespace iba
