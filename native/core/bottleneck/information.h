#pragma once

#include "bottleneck/smoothing.h"
#include "torch.h"

namespace iba {

/// The mask of a bottleneck, λ = K ∗ sigmoid(α). Both λ and 1−λ are kept, each from its own sigmoid: in
/// float32 sigmoid(17) is exactly 1, and 1−λ taken from λ would be lost.
struct Mask {
  at::Tensor keep;  // λ
  at::Tensor drop;  // 1−λ
};

/// K ∗ ν, for a mask ν.
Mask smoothed(const Mask& mask, const Smoothing& smoothing);

Mask mask_of(const at::Tensor& alpha, const Smoothing& smoothing);

/// The gradient with respect to α for the gradient with respect to λ (with 1−λ moving against it).
at::Tensor mask_backward(const at::Tensor& alpha, const Smoothing& smoothing,
                         const at::Tensor& keep_gradient);

/// KL[N(λr', (1−λ)²) ‖ N(0, 1)] in nats per neuron, for the normalised activation r' (Schulz et al. 2020,
/// equation 6). It doesn't depend on the noise that is drawn.
at::Tensor capacity(const at::Tensor& normalised, const Mask& mask);

/// The derivative of `capacity` with respect to λ.
at::Tensor capacity_derivative(const at::Tensor& normalised, const Mask& mask);

/// The information beyond what passes anyway, through a mask M: KL[N(λr', (1−λ)²) ‖ N(λMr', (1−λM)²)] in nats
/// per neuron (Zhang et al. 2021, section 3). M = 0 gives `capacity`, M = 1 gives 0.
at::Tensor capacity_beyond(const at::Tensor& normalised, const Mask& mask, const at::Tensor& passing);

/// The derivative of `capacity_beyond` with respect to λ.
at::Tensor capacity_beyond_derivative(const at::Tensor& normalised, const Mask& mask,
                                      const at::Tensor& passing);

}  // namespace iba
