#include "network/operations/pooling.h"

#include <limits>

namespace iba {

std::optional<Window> MaxPool::window() const {
  if (ceil_mode) return std::nullopt;
  return Window{dilated(kernel, dilation), stride, padding, -std::numeric_limits<double>::infinity()};
}

Tensor MaxPool::forward(std::vector<Tensor>& inputs, StepState* state) const {
  if (!state) return at::max_pool2d(inputs[0], kernel, stride, padding, dilation, ceil_mode);
  Tensor output;
  std::tie(output, state->indices) =
      at::max_pool2d_with_indices(inputs[0], kernel, stride, padding, dilation, ceil_mode);
  return output;
}

std::vector<Tensor> MaxPool::backward(const StepState& state, Tensor gradient) const {
  return {at::max_pool2d_with_indices_backward(gradient, state.input_placeholder(gradient), kernel, stride,
                                               padding, dilation, ceil_mode, state.indices)};
}

std::optional<Window> AveragePool::window() const {
  if (ceil_mode || padding != Pair{0, 0}) return std::nullopt;
  return Window{kernel, stride, padding};
}

Tensor AveragePool::forward(std::vector<Tensor>& inputs, StepState*) const {
  return at::avg_pool2d(inputs[0], kernel, stride, padding, ceil_mode, count_include_pad);
}

std::vector<Tensor> AveragePool::backward(const StepState& state, Tensor gradient) const {
  return {at::avg_pool2d_backward(gradient, state.input_placeholder(gradient), kernel, stride, padding,
                                  ceil_mode, count_include_pad, c10::nullopt)};
}

Tensor AdaptiveAveragePool::forward(std::vector<Tensor>& inputs, StepState*) const {
  const Tensor& x = inputs[0];
  if (x.size(2) == size[0] && x.size(3) == size[1]) return x;
  return at::adaptive_avg_pool2d(x, size);
}

std::vector<Tensor> AdaptiveAveragePool::backward(const StepState& state, Tensor gradient) const {
  const auto& shape = state.input_shapes[0];
  if (shape[2] == size[0] && shape[3] == size[1]) return {std::move(gradient)};
  if (size == Pair{1, 1}) {
    double weight = 1.0 / static_cast<double>(shape[2] * shape[3]);
    return {(gradient * weight).expand(shape).contiguous(state.layout)};
  }
  return {at::_adaptive_avg_pool2d_backward(gradient, state.input_placeholder(gradient))};
}

}  // namespace iba
