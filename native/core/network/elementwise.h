#pragma once

#include "torch.h"

namespace iba {

/// scale·x + shift per channel (dimension 1), then ReLU if asked, in one pass over memory where x is an
/// exclusive channels-last float tensor on the CPU. x is overwritten if it is exclusive.
at::Tensor scale_and_shift(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift, bool relu);

/// The gradient of `scale_and_shift` with ReLU with respect to x: scale·gradient where output > 0, else 0.
/// The gradient is overwritten if it is exclusive.
at::Tensor scale_and_shift_relu_backward(at::Tensor gradient, const at::Tensor& output,
                                         const at::Tensor& scale);

}  // namespace iba
