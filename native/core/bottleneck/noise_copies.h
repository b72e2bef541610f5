#pragma once

#include "torch.h"

namespace iba {

/// Where a network computes in bfloat16 on a processor, what its noise copies have in common is done in one
/// pass over memory each, which rounds or widens on the way. Signal, scale and sums are pixels (B, h, w, C)
/// in float, the copies (B, S, h, w, C).

/// Whether these passes can take such noise: float on a processor, without gaps.
bool passes_over_copies(const at::Tensor& noise);

/// signal + scale·noise, in bfloat16; at least 0 where it is rectified.
at::Tensor mix_copies(const at::Tensor& signal, const at::Tensor& scale, const at::Tensor& noise,
                      bool rectifies);

struct CopySums {
  at::Tensor gradient;
  at::Tensor gradient_by_noise;
};

/// Of a gradient in bfloat16, Σ gradient and Σ gradient·noise over the copies. Where `mixed` is given, only
/// what is positive there counts.
CopySums sum_copies(const at::Tensor& gradient, const at::Tensor& noise, const at::Tensor& mixed);

}  // namespace iba
