#pragma once

#include <vector>

#include "torch.h"

namespace iba {

/// The critic by which InputIBA tells the activations of noised images from those that a layer's bottleneck
/// gives (Zhang et al. 2021): three convolutions, with batch norms of the batch's own mean and variance, that
/// halve the places twice, and three linear maps to a number; leaky ReLUs between them.
class FeatureCritic {
 public:
  /// For activations (N, C, h, w). The first weights are drawn as PyTorch draws them, in the order of the
  /// layers. Throws MODEL where there are too few places to be halved twice.
  FeatureCritic(at::IntArrayRef activation, const at::Generator& generator, at::Device device);

  /// What a pass keeps for its way back.
  struct Trace {
    struct Convolution {
      at::Tensor read, made, mean, inverse_std, rectified;
    };
    struct Linear {
      at::Tensor read, made;
    };
    std::vector<Convolution> convolutions;
    std::vector<Linear> linears;
  };

  /// A number for each activation, (N, 1).
  at::Tensor forward(const at::Tensor& activations, Trace& trace) const;

  /// The gradients of the parameters, for that of the numbers.
  std::vector<at::Tensor> parameter_gradients(const Trace& trace, const at::Tensor& gradient) const;

  /// That of the activations.
  at::Tensor activation_gradient(const Trace& trace, const at::Tensor& gradient) const;

  const std::vector<at::Tensor>& parameters() const { return parameters_; }

 private:
  at::Tensor backward(const Trace& trace, at::Tensor gradient, std::vector<at::Tensor>* of_parameters) const;

  std::vector<at::Tensor> parameters_;
};

}  // namespace iba
