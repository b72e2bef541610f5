#include "bottleneck/readout_network.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include "bottleneck/resized_sum.h"
#include "error.h"
#include "runtime/processor.h"

namespace iba {

namespace {

using at::Tensor;

constexpr double kAlphaLimit = 5;
constexpr double kFirstBias = 5;
constexpr double kLastWeightScale = 1e-3;

int64_t total(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

Tensor rows(const Tensor& pixels) {
  return pixels.reshape({-1, pixels.size(-1)});
}

/// PyTorch's default for a convolution: weights and biases are uniform within ±1/√fan_in.
Tensor uniform(at::IntArrayRef shape, int64_t fan_in, const at::Generator& generator) {
  double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return at::empty(shape, at::kFloat).uniform_(-bound, bound, generator);
}

std::vector<Tensor> fresh_parameters(int64_t inputs, int64_t hidden, int64_t outputs, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  std::vector<Tensor> parameters;
  int64_t widths[] = {inputs, inputs / 2, hidden, outputs};
  for (int i = 0; i < 3; ++i) {
    parameters.push_back(uniform({widths[i + 1], widths[i]}, widths[i], generator));
    parameters.push_back(uniform({widths[i + 1]}, widths[i], generator));
  }
  parameters[4].mul_(kLastWeightScale);
  parameters[5].fill_(kFirstBias);
  return parameters;
}

/// A matrix product with a bias for each column.
Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return at::addmm(bias, x, weight.t());
}

/// A 1×1 convolution of pixels (B, h, w, in), one batch after the other. What it gives lies in the same
/// memory each time where LibTorch can be told so: fresh memory costs a readout as much as a tenth of its
/// work.
class PixelConvolution {
 public:
  explicit PixelConvolution(Tensor weight) : weight_(std::move(weight)) {}

  /// The bias may be undefined.
  Tensor operator()(const Tensor& pixels, const Tensor& bias) {
    return multiplies_matrices_well() ? multiply(pixels, bias) : convolve(pixels, bias);
  }

 private:
  Tensor multiply(const Tensor& pixels, const Tensor& bias) {
    auto shape = pixels.sizes().vec();
    shape.back() = weight_.size(0);
    if (!result_.defined() || result_.sizes() != shape) result_ = at::empty(shape, pixels.options());
    Tensor result = rows(result_);
    if (bias.defined()) {
      at::addmm_out(result, bias, rows(pixels), weight_.t());
    } else {
      at::mm_out(result, rows(pixels), weight_.t());
    }
    return result_;
  }

  Tensor convolve(const Tensor& pixels, const Tensor& bias) const {
    Tensor kernels = weight_.view({weight_.size(0), weight_.size(1), 1, 1});
    return at::conv2d(pixels.permute({0, 3, 1, 2}), kernels, bias).permute({0, 2, 3, 1}).contiguous();
  }

  Tensor weight_;
  Tensor result_;
};

}  // namespace

ReadoutNetwork::ReadoutNetwork(const std::vector<int64_t>& input_channels, int64_t output_channels,
                               ReadoutVariant variant, uint64_t seed)
    : ReadoutNetwork(input_channels, output_channels,
                     fresh_parameters(total(input_channels),
                                      variant == ReadoutVariant::A ? std::max<int64_t>(output_channels / 4, 1)
                                                                   : 2 * output_channels,
                                      output_channels, seed)) {}

ReadoutNetwork::ReadoutNetwork(std::vector<int64_t> input_channels, int64_t output_channels,
                               std::vector<Tensor> parameters)
    : input_channels_(std::move(input_channels)), parameters_(std::move(parameters)) {
  int64_t inputs = 0;
  for (int64_t channels : input_channels_) {
    offsets_.push_back(inputs);
    inputs += channels;
  }
  for (size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& parameter = parameters_[i];
    if (parameter.dim() == 4 && parameter.size(2) == 1 && parameter.size(3) == 1)
      parameter = parameter.flatten(1);
    parameter = parameter.to(at::kFloat).contiguous();
    bool is_weight = i % 2 == 0;
    int64_t before = i < 2 ? inputs : parameters_[i - 2 - i % 2].size(0);
    bool fits = is_weight ? parameter.dim() == 2 && parameter.size(1) == before
                          : parameter.dim() == 1 && parameter.size(0) == parameters_[i - 1].size(0);
    if (fits && (i < 4 || parameter.size(0) == output_channels)) continue;
    std::ostringstream message;
    message << "The readout network's " << parameter_names()[i] << " of shape " << parameter.sizes()
            << " doesn't fit the layers that it reads, with " << inputs << " channels, and the bottleneck's "
            << output_channels << ". Is it of another model?";
    throw Error(ErrorCode::weights, message.str());
  }
}

const std::vector<std::string>& ReadoutNetwork::parameter_names() {
  static const std::vector<std::string> names = {"conv1.weight", "conv1.bias",   "conv2.weight",
                                                 "conv2.bias",   "conv3.weight", "conv3.bias"};
  return names;
}

ReadoutVariant ReadoutNetwork::variant() const {
  return parameters_[2].size(0) < parameters_[4].size(0) ? ReadoutVariant::A : ReadoutVariant::B;
}

ReadoutNetwork ReadoutNetwork::converted(const at::TensorOptions& options) const {
  ReadoutNetwork other = *this;
  for (auto& parameter : other.parameters_) parameter = parameter.to(options);
  return other;
}

ReadoutNetwork ReadoutNetwork::clone() const {
  ReadoutNetwork other = *this;
  for (auto& parameter : other.parameters_) parameter = parameter.clone();
  return other;
}

Tensor ReadoutNetwork::part_of_first(size_t i) const {
  return parameters_[0].narrow(1, offsets_[i], input_channels_[i]);
}

Tensor ReadoutNetwork::forward(const std::vector<Tensor>& inputs, int64_t height, int64_t width,
                               Trace* trace) const {
  const auto type = parameters_[0].scalar_type();
  const bool is_plain = inputs[0].is_cpu() && (type == at::kFloat || type == at::kBFloat16);
  if (!trace && is_plain) return forward_by_images(inputs, height, width);
  std::vector<Tensor> read, resized;
  Tensor first = parameters_[1].repeat({inputs[0].size(0) * height * width, 1});
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = read.emplace_back(inputs[i].to(first.scalar_type()));
    if (x.size(1) == height && x.size(2) == width) {
      first.addmm_(rows(x), part_of_first(i).t());
    } else {
      resized.push_back(at::mm(rows(x), part_of_first(i).t()).view({x.size(0), x.size(1), x.size(2), -1}));
    }
  }
  Tensor sum = first.view({-1, height, width, first.size(1)});
  add_resized_and_rectify(sum, resized);
  Tensor second = affine(first, parameters_[2], parameters_[3]).relu_();
  Tensor output = affine(second, parameters_[4], parameters_[5]).to(at::kFloat);
  Tensor alpha = output.clamp(-kAlphaLimit, kAlphaLimit).view({-1, height, width, output.size(1)});
  if (trace) *trace = {std::move(read), std::move(first), std::move(second), std::move(output)};
  return alpha;
}

Tensor ReadoutNetwork::forward_by_images(const std::vector<Tensor>& inputs, int64_t height,
                                         int64_t width) const {
  // Vectors are the same for all places: a bias of each image.
  Tensor bias = parameters_[1].expand({inputs[0].size(0), -1});
  std::vector<Tensor> whole;
  std::vector<PixelConvolution> of_whole;
  std::vector<Tensor> resized;
  for (size_t i = 0; i < inputs.size(); ++i) {
    PixelConvolution convolve(part_of_first(i).contiguous());
    Tensor input = inputs[i].to(bias.scalar_type());
    if (input.size(1) == height && input.size(2) == width) {
      whole.push_back(std::move(input));
      of_whole.push_back(std::move(convolve));
    } else if (input.size(1) == 1 && input.size(2) == 1) {
      bias = bias + convolve(input, Tensor()).flatten(1);
    } else {
      resized.push_back(convolve(input, Tensor()));
    }
  }
  PixelConvolution to_second(parameters_[2]), to_alpha(parameters_[4]);
  Tensor alphas = at::empty({inputs[0].size(0), height, width, parameters_[4].size(0)},
                            inputs[0].options().dtype(at::kFloat));
  for (int64_t image = 0; image < inputs[0].size(0); ++image) {
    Tensor first;
    for (size_t i = 0; i < whole.size(); ++i) {
      Tensor x = whole[i].narrow(0, image, 1);
      first = first.defined() ? first.add_(of_whole[i](x, Tensor())) : of_whole[i](x, bias[image]);
    }
    if (!first.defined()) first = bias[image].repeat({1, height, width, 1});
    Tensor sum = first[0];
    add_resized_and_rectify(sum, resized, image);
    Tensor second = to_second(first, parameters_[3]).relu_();
    alphas.narrow(0, image, 1).copy_(to_alpha(second, parameters_[5]));
  }
  return alphas.clamp_(-kAlphaLimit, kAlphaLimit);
}

void ReadoutNetwork::backward(const Trace& trace, const Tensor& alpha_gradient,
                              std::vector<Tensor>& gradients) const {
  auto add_products = [&](size_t i, const Tensor& gradient, const Tensor& x) {
    gradients[i].addmm_(gradient.t(), x);
    gradients[i + 1].add_(gradient.sum(0));
  };
  Tensor output =
      rows(alpha_gradient).masked_fill(trace.output.abs() > kAlphaLimit, 0).to(trace.second.scalar_type());
  add_products(4, output, trace.second);
  Tensor second = at::threshold_backward(at::mm(output, parameters_[4]), trace.second, 0);
  add_products(2, second, trace.first);
  Tensor first = at::threshold_backward(at::mm(second, parameters_[2]), trace.first, 0);
  gradients[1].add_(first.sum(0));
  Tensor pixels = first.view({alpha_gradient.size(0), alpha_gradient.size(1), alpha_gradient.size(2), -1});
  for (size_t i = 0; i < trace.inputs.size(); ++i) {
    const Tensor& x = trace.inputs[i];
    Tensor part = gradients[0].narrow(1, offsets_[i], input_channels_[i]);
    part.addmm_(rows(resize_backward(pixels, x.size(1), x.size(2))).t(), rows(x));
  }
}

}  // namespace iba
