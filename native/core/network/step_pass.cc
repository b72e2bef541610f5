#include "network/step_pass.h"

#include <torch/csrc/autograd/autograd.h>

#include "network/elementwise.h"

namespace iba {

namespace {

/// LibTorch multiplies matrices with a library for Intel's processors: on AMD's, its convolutions are faster.
bool multiplies_matrices_well() {
#if defined(__x86_64__)
  static const bool is_intel = __builtin_cpu_is("intel");
  return is_intel;
#else
  return true;
#endif
}

/// A 1×1 convolution is a matrix product over the pixels, which can be faster than as a convolution.
bool is_matrix_product(const Convolution& op, const Tensor& x) {
  static const Pair one{1, 1}, zero{0, 0};
  return multiplies_matrices_well() && x.is_cpu() && op.groups == 1 && op.weight.size(2) == 1 &&
         op.weight.size(3) == 1 && op.stride == one && op.padding == zero && !x.requires_grad() &&
         !op.weight.requires_grad() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

/// The pixels of a channels-last image as the rows of a matrix, without a copy.
Tensor pixel_rows(const Tensor& image) {
  return image.permute({0, 2, 3, 1}).view({-1, image.size(1)});
}

/// Multiplies every pixel's channels by the matrix (in, out). The result is no view, so it may be overwritten
/// later.
Tensor multiply_pixels(const Tensor& image, const Tensor& matrix, const Tensor& bias) {
  Tensor result = at::empty({image.size(0), matrix.size(1), image.size(2), image.size(3)}, image.options(),
                            at::MemoryFormat::ChannelsLast);
  Tensor rows = pixel_rows(result);
  if (bias.defined()) {
    at::addmm_out(rows, bias, pixel_rows(image), matrix);
  } else {
    at::mm_out(rows, pixel_rows(image), matrix);
  }
  return result;
}

struct Forward {
  std::vector<Tensor>& inputs;
  StepState* state;

  Tensor& x() const { return inputs[0]; }

  Tensor operator()(const Convolution& op) const {
    if (is_matrix_product(op, x())) {
      return multiply_pixels(x(), op.weight.flatten(1).t(), op.bias);
    }
    return at::convolution(x(), op.weight, op.bias, op.stride, op.padding, op.dilation, false, {0, 0},
                           op.groups);
  }

  Tensor operator()(const Linear& op) const { return at::linear(x(), op.weight, op.bias); }

  Tensor operator()(const BatchNorm& op) const {
    if (x().suggest_memory_format() == at::MemoryFormat::Contiguous) {
      // Rounds as PyTorch's own module does.
      return at::batch_norm(x(), op.weight, op.bias, op.running_mean, op.running_var, false, 0, op.epsilon,
                            false);
    }
    auto affine = channel_affine(op);
    return scale_and_shift(std::move(x()), affine.scale, affine.shift);
  }

  Tensor operator()(const Relu&) const {
    Tensor output = is_exclusive(x()) ? at::relu_(x()) : at::relu(x());
    if (state) state->output = output;
    return output;
  }

  Tensor operator()(const MaxPool& op) const {
    if (!state) return at::max_pool2d(x(), op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode);
    Tensor output;
    std::tie(output, state->indices) =
        at::max_pool2d_with_indices(x(), op.kernel, op.stride, op.padding, op.dilation, op.ceil_mode);
    return output;
  }

  Tensor operator()(const AveragePool& op) const {
    return at::avg_pool2d(x(), op.kernel, op.stride, op.padding, op.ceil_mode, op.count_include_pad);
  }

  Tensor operator()(const AdaptiveAveragePool& op) const {
    if (x().size(2) == op.size[0] && x().size(3) == op.size[1]) return x();
    return at::adaptive_avg_pool2d(x(), op.size);
  }

  Tensor operator()(const Add&) const {
    if (is_exclusive(x())) return x().add_(inputs[1]);
    return at::add(x(), inputs[1]);
  }

  Tensor operator()(const Concatenate& op) const { return at::cat(inputs, op.dimension); }

  Tensor operator()(const Flatten&) const { return at::flatten(x(), 1); }

  Tensor operator()(const Dropout&) const { return x(); }

  Tensor operator()(const Identity&) const { return x(); }

  Tensor operator()(const Operator& op) const {
    if (!state || op.makes_number) return call(op, inputs);
    // Leaves of a small graph of autograd's own, which reaches no further than this step.
    at::AutoGradMode recording(true);
    for (auto& input : inputs) {
      input = input.detach();
      if (input.is_floating_point() && input.dim() > 0) input.requires_grad_();
    }
    state->inputs = inputs;
    state->output = call(op, inputs);
    return state->output.detach();
  }
};

struct Backward {
  const StepState& state;
  Tensor& gradient;

  using Gradients = std::vector<Tensor>;

  /// Memory of the input's shape that is never touched: some kernels want it only for its shape.
  Tensor input_placeholder() const {
    return at::empty(state.input_shapes[0], gradient.options(), gradient.suggest_memory_format());
  }

  Gradients operator()(const Convolution& op) const {
    if (is_matrix_product(op, gradient)) {
      return {multiply_pixels(gradient, op.weight.flatten(1), Tensor())};
    }
    return {std::get<0>(at::convolution_backward(gradient, input_placeholder(), op.weight, c10::nullopt,
                                                 op.stride, op.padding, op.dilation, false, {0, 0}, op.groups,
                                                 {true, false, false}))};
  }

  Gradients operator()(const Linear& op) const { return {at::matmul(gradient, op.weight)}; }

  Gradients operator()(const BatchNorm& op) const {
    auto scale = channel_affine(op).scale.view({1, -1, 1, 1});
    return {is_exclusive(gradient) ? gradient.mul_(scale) : gradient.mul(scale)};
  }

  Gradients operator()(const Relu&) const {
    if (!is_exclusive(gradient)) return {at::threshold_backward(gradient, state.output, 0)};
    at::threshold_backward_out(gradient, gradient, state.output, 0);
    return {std::move(gradient)};
  }

  Gradients operator()(const MaxPool& op) const {
    return {at::max_pool2d_with_indices_backward(gradient, input_placeholder(), op.kernel, op.stride,
                                                 op.padding, op.dilation, op.ceil_mode, state.indices)};
  }

  Gradients operator()(const AveragePool& op) const {
    return {at::avg_pool2d_backward(gradient, input_placeholder(), op.kernel, op.stride, op.padding,
                                    op.ceil_mode, op.count_include_pad, c10::nullopt)};
  }

  Gradients operator()(const AdaptiveAveragePool& op) const {
    const auto& shape = state.input_shapes[0];
    if (shape[2] == op.size[0] && shape[3] == op.size[1]) return {std::move(gradient)};
    if (op.size == Pair{1, 1}) {
      double share = 1.0 / static_cast<double>(shape[2] * shape[3]);
      return {(gradient * share).expand(shape).contiguous(state.layout)};
    }
    return {at::_adaptive_avg_pool2d_backward(gradient, input_placeholder())};
  }

  Gradients operator()(const Add&) const { return {gradient, gradient}; }

  Gradients operator()(const Flatten&) const {
    const auto& shape = state.input_shapes[0];
    return {gradient.reshape(shape).contiguous(state.layout)};
  }

  Gradients operator()(const Concatenate& op) const {
    Gradients parts;
    int64_t start = 0;
    for (const auto& shape : state.input_shapes) {
      parts.push_back(gradient.narrow(op.dimension, start, shape[wrapped(op.dimension, shape)]));
      start += parts.back().size(op.dimension);
    }
    return parts;
  }

  Gradients operator()(const Dropout&) const { return {std::move(gradient)}; }

  Gradients operator()(const Identity&) const { return {std::move(gradient)}; }

  Gradients operator()(const Operator& op) const {
    Gradients all(state.inputs.size());
    if (op.makes_number || !state.output.requires_grad()) return all;
    std::vector<Tensor> leaves;
    for (const auto& input : state.inputs) {
      if (input.requires_grad()) leaves.push_back(input);
    }
    auto found = torch::autograd::grad({state.output}, leaves, {gradient}, false, false, true);
    auto next = found.begin();
    for (size_t i = 0; i < all.size(); ++i) {
      if (state.inputs[i].requires_grad()) all[i] = *next++;
    }
    return all;
  }

  static size_t wrapped(int64_t dimension, const at::DimVector& shape) {
    return static_cast<size_t>(dimension < 0 ? dimension + static_cast<int64_t>(shape.size()) : dimension);
  }
};

}  // namespace

bool is_exclusive(const Tensor& tensor) {
  return tensor.use_count() == 1 && tensor.storage().use_count() == 1 && !tensor.requires_grad() &&
         tensor.is_non_overlapping_and_dense();
}

ChannelAffine channel_affine(const BatchNorm& batch_norm) {
  Tensor scale = batch_norm.weight * at::rsqrt(batch_norm.running_var + batch_norm.epsilon);
  return {scale, batch_norm.bias - batch_norm.running_mean * scale};
}

Tensor forward(const Operation& operation, std::vector<Tensor> inputs, StepState* state) {
  if (state) {
    for (const auto& input : inputs) state->input_shapes.emplace_back(input.sizes());
    state->layout = inputs[0].suggest_memory_format();
  }
  return std::visit(Forward{inputs, state}, operation);
}

std::vector<Tensor> backward(const Operation& operation, const StepState& state, Tensor gradient) {
  return std::visit(Backward{state, gradient}, operation);
}

}  // namespace iba
