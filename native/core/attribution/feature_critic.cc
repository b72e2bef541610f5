#include "attribution/feature_critic.h"

#include <array>
#include <cmath>

#include "error.h"

namespace iba {

namespace {

using at::Tensor;

/// A convolution of the critic: how many times the layer's channels it makes, and how.
struct Shape {
  int64_t widening;
  int64_t kernel;
  int64_t stride;
};

constexpr std::array<Shape, 3> kConvolutions = {{{2, 4, 2}, {4, 4, 2}, {1, 3, 1}}};
constexpr int64_t kPadding = 1;
constexpr std::array<int64_t, 3> kLinears = {512, 256, 1};
constexpr double kSlope = 0.2;
constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;  // of running means, which aren't kept
/// Places a side that are left to the linear maps.
constexpr int64_t kHalved = 4;

constexpr size_t kPerConvolution = 4;  // weight and bias, of it and of its batch norm
constexpr size_t kFirstLinear = kConvolutions.size() * kPerConvolution;

/// PyTorch's default for a convolution or a linear map: weights and biases are uniform within ±1/√fan_in.
void add_uniform(std::vector<Tensor>& parameters, at::IntArrayRef shape, const at::Generator& generator,
                 at::Device device) {
  auto draw = [&](at::IntArrayRef of, double bound) {
    parameters.push_back(at::empty(of, at::kFloat).uniform_(-bound, bound, generator).to(device));
  };
  double bound = 1 / std::sqrt(static_cast<double>(c10::multiply_integers(shape.slice(1))));
  draw(shape, bound);
  draw(shape.slice(0, 1), bound);
}

Tensor rectified_backward(const Tensor& gradient, const Tensor& rectified) {
  return at::leaky_relu_backward(gradient, rectified, kSlope, true);
}

}  // namespace

FeatureCritic::FeatureCritic(at::IntArrayRef activation, const at::Generator& generator, at::Device device) {
  const int64_t channels = activation[1], height = activation[2] / kHalved, width = activation[3] / kHalved;
  if (height == 0 || width == 0) {
    throw Error(ErrorCode::model,
                "The generated prior compares activations of at least 4 × 4 places, but the layer has " +
                    std::to_string(activation[2]) + " × " + std::to_string(activation[3]) +
                    ". Choose a layer nearer to the input, larger images, or the prior 'feature'.");
  }
  int64_t inputs = channels;
  for (const auto& [widening, kernel, stride] : kConvolutions) {
    const int64_t outputs = widening * channels;
    add_uniform(parameters_, {outputs, inputs, kernel, kernel}, generator, device);
    parameters_.push_back(at::ones({outputs}, parameters_.back().options()));
    parameters_.push_back(at::zeros({outputs}, parameters_.back().options()));
    inputs = outputs;
  }
  inputs *= height * width;
  for (int64_t outputs : kLinears) {
    add_uniform(parameters_, {outputs, inputs}, generator, device);
    inputs = outputs;
  }
}

Tensor FeatureCritic::forward(const Tensor& activations, Trace& trace) const {
  Tensor x = activations;
  for (size_t i = 0; i < kConvolutions.size(); ++i) {
    const Tensor* parameters = &parameters_[i * kPerConvolution];
    const int64_t stride = kConvolutions[i].stride;
    Tensor made =
        at::conv2d(x, parameters[0], parameters[1], at::IntArrayRef(stride), at::IntArrayRef(kPadding));
    auto [normed, mean, inverse_std] =
        at::native_batch_norm(made, parameters[2], parameters[3], {}, {}, true, kMomentum, kEpsilon);
    Tensor rectified = at::leaky_relu(normed, kSlope);
    trace.convolutions.push_back({x, made, mean, inverse_std, rectified});
    x = rectified;
  }
  x = x.flatten(1);
  for (size_t i = kFirstLinear; i < parameters_.size(); i += 2) {
    Tensor made = at::addmm(parameters_[i + 1], x, parameters_[i].t());
    if (i + 2 < parameters_.size()) made = at::leaky_relu(made, kSlope);
    trace.linears.push_back({x, made});
    x = made;
  }
  return x;
}

std::vector<Tensor> FeatureCritic::parameter_gradients(const Trace& trace, const Tensor& gradient) const {
  std::vector<Tensor> found(parameters_.size());
  backward(trace, gradient, &found);
  return found;
}

Tensor FeatureCritic::activation_gradient(const Trace& trace, const Tensor& gradient) const {
  return backward(trace, gradient, nullptr);
}

/// Either the parameters' gradients, or that of the activations.
Tensor FeatureCritic::backward(const Trace& trace, Tensor gradient,
                               std::vector<Tensor>* of_parameters) const {
  for (size_t i = trace.linears.size(); i-- > 0;) {
    const auto& [read, made] = trace.linears[i];
    const size_t at = kFirstLinear + 2 * i;
    if (i + 1 < trace.linears.size()) gradient = rectified_backward(gradient, made);
    if (of_parameters) {
      (*of_parameters)[at] = at::mm(gradient.t(), read);
      (*of_parameters)[at + 1] = gradient.sum(0);
    }
    gradient = at::mm(gradient, parameters_[at]);
  }
  gradient = gradient.view_as(trace.convolutions.back().rectified);
  for (size_t i = trace.convolutions.size(); i-- > 0;) {
    const auto& [read, made, mean, inverse_std, rectified] = trace.convolutions[i];
    const size_t at = i * kPerConvolution;
    const bool learns = of_parameters != nullptr, goes_on = i > 0 || !learns;
    auto [by_made, by_scale, by_shift] =
        at::native_batch_norm_backward(rectified_backward(gradient, rectified), made, parameters_[at + 2], {},
                                       {}, mean, inverse_std, true, kEpsilon, {true, true, true});
    const int64_t stride = kConvolutions[i].stride;
    auto [by_read, by_weight, by_bias] = at::convolution_backward(
        by_made, read, parameters_[at], at::OptionalIntArrayRef(parameters_[at + 1].sizes()),
        {stride, stride}, {kPadding, kPadding}, {1, 1}, false, {0, 0}, 1, {goes_on, learns, learns});
    if (learns) {
      (*of_parameters)[at] = by_weight;
      (*of_parameters)[at + 1] = by_bias;
      (*of_parameters)[at + 2] = by_scale;
      (*of_parameters)[at + 3] = by_shift;
    }
    gradient = by_read;
  }
  return gradient;
}

}  // namespace iba
