#include "classifier.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "image/preprocess.h"
#include "network/interpreter.h"

namespace iba {

namespace {

constexpr double kBatchNormMomentum = 0.1;
constexpr double kLinearDeviation = 0.01;

bool is_buffer(const std::string& name) {
  return name.find(".running_") != std::string::npos;
}

/// The forward pass with batch norm on batch statistics, recorded by autograd.
Tensor training_forward(const Network& network, const Tensor& images) {
  Values values(network.value_count);
  values[network.input] = images;
  for (const auto& step : network.steps) {
    std::vector<Tensor> inputs;
    for (ValueId input : step.inputs) inputs.push_back(values[input]);
    if (const auto* norm = std::get_if<BatchNorm>(&step.operation)) {
      values[step.output] = at::batch_norm(inputs[0], norm->weight, norm->bias, norm->running_mean,
                                           norm->running_var, true, kBatchNormMomentum, norm->epsilon, false);
    } else {
      values[step.output] = forward(step.operation, std::move(inputs), nullptr);
    }
  }
  return values[network.output];
}

int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  return logits.argmax(1).eq(labels).sum().item<int64_t>();
}

void initialise(Network& network, const at::Generator& generator) {
  for (auto& [name, tensor] : network.parameters()) {
    if (tensor->dim() == 4) {
      double fan_out = static_cast<double>(tensor->numel() / tensor->size(1));
      *tensor = at::empty(tensor->sizes()).normal_(0.0, std::sqrt(2.0 / fan_out), generator);
    } else if (tensor->dim() == 2) {
      *tensor = at::empty(tensor->sizes()).normal_(0.0, kLinearDeviation, generator);
    }
  }
}

Tensor to_input(const Tensor& pictures) {
  PreprocessOptions options;
  return normalise(pictures.permute({0, 3, 1, 2}), options.mean, options.std);
}

/// Mirrors about half of the images (N, C, H, W).
Tensor mirror_some(const Tensor& images, const at::Generator& generator) {
  Tensor chosen = at::rand({images.size(0), 1, 1, 1}, generator, at::kFloat).lt(0.5);
  return at::where(chosen, images.flip(3), images).contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor resize_to(const Tensor& images, int64_t size) {
  if (images.size(2) == size && images.size(3) == size) return images;
  return at::_upsample_bilinear2d_aa(images, {size, size}, false);
}

}  // namespace

ClassifierTrainer::ClassifierTrainer(Network network, uint64_t seed, ClassifierOptions options)
    : network_(std::move(network)), options_(options), generator_(at::detail::createCPUGenerator(seed)) {
  initialise(network_, generator_);
  network_.to(at::kCPU);
  for (auto& [name, tensor] : network_.parameters()) {
    if (is_buffer(name)) continue;
    tensor->set_requires_grad(true);
    trained_.push_back({*tensor, at::zeros_like(*tensor), tensor->dim() >= 2});
  }
}

BatchOutcome ClassifierTrainer::step(const Tensor& pictures, const Tensor& labels, int64_t size,
                                     double learning_rate) {
  at::AutoGradMode with_gradient(true);
  Tensor images = resize_to(mirror_some(to_input(pictures), generator_), size);
  Tensor logits = training_forward(network_, images);
  Tensor loss =
      at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, -100, options_.label_smoothing);
  std::vector<Tensor> parameters;
  for (const auto& trained : trained_) parameters.push_back(trained.parameter);
  auto gradients = torch::autograd::grad({loss}, parameters);

  at::NoGradGuard no_grad;
  for (size_t i = 0; i < trained_.size(); ++i) {
    auto& [parameter, momentum, decays] = trained_[i];
    Tensor gradient = decays ? gradients[i].add(parameter, options_.weight_decay) : gradients[i];
    momentum.mul_(options_.momentum).add_(gradient);
    parameter.sub_(gradient.add(momentum, options_.momentum), learning_rate);
  }
  return {loss.item<double>(), count_correct(logits, labels)};
}

BatchOutcome ClassifierTrainer::evaluate(const Tensor& pictures, const Tensor& labels, int64_t size) const {
  Tensor output = logits(network_, resize_to(to_input(pictures), size));
  Tensor loss = at::cross_entropy_loss(output, labels);
  return {loss.item<double>(), count_correct(output, labels)};
}

}  // namespace iba
