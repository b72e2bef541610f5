#include "attribution/quadrature.h"

#include <cmath>
#include <numbers>

#include "error.h"

namespace iba {

namespace {

/// The Legendre polynomial P_n and its derivative.
struct Legendre {
  double value;
  double slope;
};

Legendre legendre(int64_t degree, double x) {
  double before = 1, value = x;
  for (int64_t k = 2; k <= degree; ++k) {
    auto n = static_cast<double>(k);
    double next = ((2 * n - 1) * x * value - (n - 1) * before) / n;
    before = value;
    value = next;
  }
  return {value, static_cast<double>(degree) * (x * value - before) / (x * x - 1)};
}

/// Newton's method from Tricomi's estimate, which is near enough for every degree.
double root(int64_t degree, int64_t index) {
  auto n = static_cast<double>(degree);
  double x = (1 - (n - 1) / (8 * n * n * n)) *
             std::cos(std::numbers::pi * (4 * static_cast<double>(index) + 3) / (4 * n + 2));
  for (int turn = 0; turn < 10; ++turn) {
    auto [value, slope] = legendre(degree, x);
    double step = value / slope;
    x -= step;
    if (std::abs(step) < 1e-15) break;
  }
  return x;
}

}  // namespace

Quadrature riemann_right(int64_t count) {
  at::Tensor places = at::arange(1, count + 1, at::kDouble).div_(static_cast<double>(count));
  return {places, at::full({count}, 1 / static_cast<double>(count), at::kDouble)};
}

Quadrature gauss_legendre(int64_t count) {
  if (count > kMostGaussLegendrePlaces) {
    throw Error(ErrorCode::invalid_argument,
                "The quadrature 'gauss-legendre' takes at most " + std::to_string(kMostGaussLegendrePlaces) +
                    " steps, but was given " + std::to_string(count) + ". Take fewer, or 'riemann-right'.");
  }
  Quadrature result{at::empty({count}, at::kDouble), at::empty({count}, at::kDouble)};
  auto places = result.places.accessor<double, 1>();
  auto weights = result.weights.accessor<double, 1>();
  // The roots are symmetric about 0.
  for (int64_t i = 0; i < (count + 1) / 2; ++i) {
    bool middle = 2 * i + 1 == count;
    double x = middle ? 0 : root(count, i);
    double slope = legendre(count, x).slope;
    places[i] = (1 - x) / 2;
    places[count - 1 - i] = (1 + x) / 2;
    weights[i] = weights[count - 1 - i] = 1 / ((1 - x * x) * slope * slope);
  }
  return result;
}

}  // namespace iba
