#pragma once

#include <utility>

#include "torch.h"

namespace iba {

/// scale·x + shift, per channel (dimension 1). x is overwritten where it is exclusive.
at::Tensor scale_and_shift(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift);

/// scale·x and x + shift, per channel and in x's type. x is overwritten where it is exclusive.
at::Tensor scaled(at::Tensor x, const at::Tensor& scale);
at::Tensor shifted(at::Tensor x, const at::Tensor& shift);

/// The gradient where a ReLU's output is positive, and else 0. It is overwritten where it is exclusive.
at::Tensor relu_backward(at::Tensor gradient, const at::Tensor& output);

/// max(scale·x + shift + shortcut, 0): batch norm, the addition of a shortcut (which may be undefined) and
/// ReLU. One pass over memory where x is an exclusive channels-last tensor of float or bfloat16 on the CPU,
/// which is then overwritten.
at::Tensor normalise_and_rectify(at::Tensor x, const at::Tensor& scale, const at::Tensor& shift,
                                 const at::Tensor& shortcut);

/// The gradients of `normalise_and_rectify` with respect to x and, if there was one, to the shortcut.
/// Gradient and output are overwritten where they are exclusive.
std::pair<at::Tensor, at::Tensor> normalise_and_rectify_backward(at::Tensor gradient, at::Tensor output,
                                                                 const at::Tensor& scale, bool has_shortcut);

}  // namespace iba
