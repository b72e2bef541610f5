#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "network/network.h"

namespace iba {

/// What becomes of a layer's outputs: an activation function keeps the positive ones, or all of them go on,
/// as before a sum or at the network's end.
enum class Neurons { rectified, linear };

/// How a pattern is found (Kindermans et al. 2018, section 4). `two_component` looks at the active patches of
/// rectified neurons alone; `linear` takes every neuron for a linear one.
enum class Estimator { two_component, linear };

/// "two-component" and "linear".
const std::vector<std::string>& estimator_names();
/// Throws INVALID_ARGUMENT for another name.
Estimator estimator_named(const std::string& name);
const std::string& name_of(Estimator estimator);

/// What is summed over images and patches to find the patterns of one convolution or linear layer. "Active"
/// patches are those where a rectified neuron's output, with its bias, is positive; for linear neurons all
/// are.
class LayerPatterns {
 public:
  /// Takes in the inputs of the layer and its outputs (with bias).
  void update(const Operation& operation, Neurons neurons, const Tensor& inputs, const Tensor& outputs);

  /// Takes in what was summed over other images.
  void merge(const LayerPatterns& other);

  /// The pattern a of each neuron, of the weights' shape (Kindermans et al. 2018, section 4):
  /// a = (E₊[xy] − E₊[x]·E[y]) / wᵀ(E₊[xy] − E₊[x]·E[y]), so that wᵀa = 1; a denominator of 0 becomes 1.
  /// Where all patches are active this is the estimator of linear neurons, a = cov(x, y) / var(y).
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
  Estimator estimator = Estimator::two_component;
  int64_t samples = 0;
  std::map<std::string, LayerPatterns> layers;  // by the step's name
};

ModelPatterns make_patterns(const Network& network, const std::string& weight_hash,
                            Estimator estimator = Estimator::two_component);

/// Runs the images (N, C, H, W) through the network, whose batch norms must be folded, and takes in every
/// layer. Throws NOT_FINITE, with the layer and the image's name, where an output isn't finite.
void update_patterns(ModelPatterns& patterns, const Network& folded, const Tensor& images,
                     const std::vector<std::string>& names);

/// Throws PATTERNS where the two are of different models, or estimators.
void merge_patterns(ModelPatterns& into, const ModelPatterns& from);

/// Writes and reads patterns as safetensors with metadata; the sums are kept as means, in float32.
class PatternsFile {
 public:
  static void write(const std::filesystem::path& path, const ModelPatterns& patterns);
  static ModelPatterns read(const std::filesystem::path& path);
};

}  // namespace iba
