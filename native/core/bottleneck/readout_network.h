#pragma once

#include <string>
#include <vector>

#include "torch.h"

namespace iba {

/// How wide the hidden layers are: `A` as in the paper's text, `B` as in the authors' library and in most of
/// their published weights.
enum class ReadoutVariant { A, B };

/// The network that predicts a bottleneck's α from the activations of several layers (Schulz et al. 2020,
/// section 3.3): three 1×1 convolutions with ReLU between, in → in/2 → H → out with H = out/4 (A) or 2·out
/// (B).
///
/// The first convolution works on each layer in its own size, and what it gives is enlarged: that is the same
/// as the convolution of the enlarged layers, for a fraction of the work.
class ReadoutNetwork {
 public:
  /// Fresh weights from a seed, as PyTorch starts its convolutions, but for the last one: bias 5, weights a
  /// thousandth, so that at first (almost) everything passes.
  ReadoutNetwork(const std::vector<int64_t>& input_channels, int64_t output_channels, ReadoutVariant variant,
                 uint64_t seed);

  /// With the weights (out, in) or (out, in, 1, 1) and biases of the three convolutions. Throws WEIGHTS where
  /// they don't fit each other or the channels.
  ReadoutNetwork(std::vector<int64_t> input_channels, int64_t output_channels,
                 std::vector<at::Tensor> parameters);

  /// What a pass leaves for the way back.
  struct Trace {
    std::vector<at::Tensor> inputs;
    at::Tensor first;  // hidden layers, after their ReLUs, (B·h·w, channels)
    at::Tensor second;
    at::Tensor output;  // before it was limited
  };

  /// α (B, h, w, out) within [-5, 5], from the normalised activations (B, h_i, w_i, C_i) of each layer.
  /// Without a trace the hidden layers are in memory for one image at a time.
  at::Tensor forward(const std::vector<at::Tensor>& inputs, int64_t height, int64_t width,
                     Trace* trace = nullptr) const;

  /// Adds the gradients of the parameters to `gradients`, for the gradient with respect to α.
  void backward(const Trace& trace, const at::Tensor& alpha_gradient,
                std::vector<at::Tensor>& gradients) const;

  ReadoutVariant variant() const;

  /// Weights (out, in) and biases, in the order of `parameter_names`.
  const std::vector<at::Tensor>& parameters() const { return parameters_; }
  /// "conv1.weight", "conv1.bias", "conv2.weight", …
  static const std::vector<std::string>& parameter_names();

  /// The same weights on a device, or computing in another type. Gradients are of that type; α is float in
  /// any case.
  ReadoutNetwork to(at::Device device) const { return converted(parameters_[0].options().device(device)); }
  ReadoutNetwork to(at::ScalarType type) const { return converted(parameters_[0].options().dtype(type)); }
  /// A copy that shares no memory.
  ReadoutNetwork clone() const;

 private:
  at::Tensor forward_by_images(const std::vector<at::Tensor>& inputs, int64_t height, int64_t width) const;
  ReadoutNetwork converted(const at::TensorOptions& options) const;
  /// The part of the first weight that reads the i-th layer.
  at::Tensor part_of_first(size_t i) const;

  std::vector<int64_t> input_channels_;
  std::vector<int64_t> offsets_;  // of each layer's channels
  std::vector<at::Tensor> parameters_;
};

}  // namespace iba
