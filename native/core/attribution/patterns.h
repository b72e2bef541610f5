#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "network/network.h"

namespace iba {

/// What is summed over images and patches to find the patterns of one convolution or linear layer. "Active"
/// patches are those where the neuron's output, with its bias, is positive.
class LayerPatterns {
 public:
  /// Takes in the inputs of the layer and its outputs (with bias).
  void update(const Operation& operation, const Tensor& inputs, const Tensor& outputs);

  /// Takes in what was summed over other images.
  void merge(const LayerPatterns& other);

  /// The pattern a of each neuron, of the weights' shape (Kindermans et al. 2018, section 5):
  /// a = (E₊[xy] − E₊[x]·E[y]) / wᵀ(E₊[xy] − E₊[x]·E[y]), so that wᵀa = 1; a denominator of 0 becomes 1.
  Tensor pattern(const Tensor& weight) const;

  at::IntArrayRef shape() const { return active_products_.sizes(); }

 private:
  friend class PatternsFile;

  Tensor active_products_;  // float64, of the weights' shape: Σ₊ x·y
  Tensor active_inputs_;    // float64, of the weights' shape: Σ₊ x
  Tensor active_;           // float64, per neuron: how many patches were active
  Tensor outputs_;          // float64, per neuron: Σ y over all patches
  double patches_ = 0;
};

/// The patterns of all layers of one model, fitted on images. Batch norms are folded into the layers before
/// them.
struct ModelPatterns {
  std::string architecture;
  std::string weight_hash;
  int64_t samples = 0;
  std::map<std::string, LayerPatterns> layers;  // by the step's name
};

ModelPatterns make_patterns(const Network& network, const std::string& weight_hash);

/// Runs the images (N, C, H, W) through the network, whose batch norms must be folded, and takes in every
/// layer.
void update_patterns(ModelPatterns& patterns, const Network& folded, const Tensor& images);

/// Throws PATTERNS where the two are of different models.
void merge_patterns(ModelPatterns& into, const ModelPatterns& from);

/// Writes and reads patterns as safetensors with metadata; the sums are kept as means, in float32.
class PatternsFile {
 public:
  static void write(const std::filesystem::path& path, const ModelPatterns& patterns);
  static ModelPatterns read(const std::filesystem::path& path);
};

}  // namespace iba
