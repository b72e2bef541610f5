#include "network/zoo/builder.h"

#include "error.h"

namespace iba {

namespace {

/// Zeros that take no memory, as large weights are before they are read or drawn. They are replaced, not
/// written to.
Tensor unset(at::IntArrayRef shape) {
  return at::zeros({}).expand(shape);
}

}  // namespace

Builder::Builder(std::string architecture, int64_t input_channels, int64_t classes) {
  network_.architecture = std::move(architecture);
  network_.input_channels = input_channels;
  network_.classes = classes;
}

ValueId Builder::step(const std::string& module, Operation operation, std::vector<ValueId> inputs) {
  return network_.add(module, std::move(operation), std::move(inputs));
}

ValueId Builder::convolution(const std::string& module, ValueId x, const ConvolutionShape& shape) {
  if (shape.in < shape.groups || shape.out < shape.groups || shape.in % shape.groups ||
      shape.out % shape.groups) {
    throw Error(ErrorCode::model, network_.architecture + " can't be made so narrow: '" + module +
                                      "' would have " + std::to_string(shape.in) + " and " +
                                      std::to_string(shape.out) + " channels in " +
                                      std::to_string(shape.groups) + " group(s). Choose a greater width.");
  }
  Convolution convolution;
  convolution.weight = unset({shape.out, shape.in / shape.groups, shape.kernel, shape.kernel});
  if (shape.bias) convolution.bias = at::zeros({shape.out});
  convolution.stride = {shape.stride, shape.stride};
  convolution.padding = {shape.padding, shape.padding};
  convolution.groups = shape.groups;
  return step(module, std::move(convolution), {x});
}

ValueId Builder::batch_norm(const std::string& module, ValueId x, int64_t channels, double epsilon) {
  return step(module,
              BatchNorm{at::ones({channels}), at::zeros({channels}), at::zeros({channels}),
                        at::ones({channels}), epsilon},
              {x});
}

ValueId Builder::linear(const std::string& module, ValueId x, int64_t in, int64_t out) {
  return step(module, Linear{unset({out, in}), at::zeros({out})}, {x});
}

void Builder::group(const std::string& name, const std::string& kind, ValueId value) {
  groups_.push_back({network_.steps.size(), {name, kind, value}});
}

Network Builder::finish(ValueId output, std::string bottleneck_layer, std::string grad_cam_layer) {
  network_.output = output;
  network_.bottleneck_layer = std::move(bottleneck_layer);
  network_.grad_cam_layer = std::move(grad_cam_layer);
  network_.number_calls();
  auto group = groups_.begin();
  for (size_t i = 0; i < network_.steps.size(); ++i) {
    const Step& step = network_.steps[i];
    network_.layers.push_back({step.name(), kind(step.operation), step.output});
    for (; group != groups_.end() && group->first == i + 1; ++group) network_.layers.push_back(group->second);
  }
  return std::move(network_);
}

}  // namespace iba
