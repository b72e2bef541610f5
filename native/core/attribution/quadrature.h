#pragma once

#include "torch.h"

namespace iba {

/// Places from 0 to 1, and the weight of each: ∫f ≈ Σ weight · f(place). Both are (count), double, and the
/// weights add up to 1.
struct Quadrature {
  at::Tensor places;
  at::Tensor weights;
};

/// The ends of `count` equal parts.
Quadrature riemann_right(int64_t count);

constexpr int64_t kMostGaussLegendrePlaces = 10'000;

/// The roots of the Legendre polynomial of that degree, moved to 0…1: exact for polynomials up to degree
/// 2·count − 1. Throws INVALID_ARGUMENT for more places than kMostGaussLegendrePlaces, since finding them
/// takes the square of their number.
Quadrature gauss_legendre(int64_t count);

}  // namespace iba
