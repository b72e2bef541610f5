#pragma once

#include <algorithm>

#include "network/step_state.h"

namespace iba {

/// Zeros around the image, so that a window which is moved by `stride` has a place for every such step:
/// TensorFlow's SAME. How many there are depends on the image's size, and what is odd goes below and to the
/// right.
struct SamePad {
  static constexpr const char* kind() { return "pad"; }
  static constexpr size_t input_count = 1;

  Pair kernel{1, 1};
  Pair stride{1, 1};

  Tensor forward(std::vector<Tensor>& inputs, StepState*) const {
    const Tensor& x = inputs[0];
    const int64_t rows = zeros(x.size(2), 0), columns = zeros(x.size(3), 1);
    if (rows == 0 && columns == 0) return x;
    return at::constant_pad_nd(x, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2});
  }

  std::vector<Tensor> backward(const StepState& state, const Tensor& gradient) const {
    const int64_t height = state.input_shapes[0][2], width = state.input_shapes[0][3];
    return {gradient.narrow(2, zeros(height, 0) / 2, height)
                .narrow(3, zeros(width, 1) / 2, width)
                .contiguous(state.layout)};
  }

 private:
  int64_t zeros(int64_t extent, size_t side) const {
    const int64_t places = (extent + stride[side] - 1) / stride[side];
    return std::max<int64_t>(0, (places - 1) * stride[side] + kernel[side] - extent);
  }
};

}  // namespace iba
