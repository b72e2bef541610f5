#include "bottleneck/information.h"

#include <doctest/doctest.h>

#include <cmath>

#include "support/errors.h"
#include "support/tensors.h"

namespace iba::test {

using at::Tensor;

namespace {

// Maps are images (C, h, w) here, in double precision; the code takes pixels (1, h, w, C).

Grid grid_for(const Tensor& map) {
  return {Grid::Form::image, 0, map.size(1), map.size(2)};
}

Tensor pixels_of(const Tensor& map) {
  return grid_for(map).to_pixels(map.unsqueeze(0));
}

Tensor map_of(const Tensor& pixels) {
  return pixels[0].permute({2, 0, 1}).contiguous();
}

Smoothing smoothing_for(const Tensor& map, double sigma) {
  return {sigma, grid_for(map), map.options()};
}

struct Information {
  Tensor capacity;
  Tensor gradient;  // of the capacity's sum with respect to α
};

Information information(const Tensor& alpha, const Tensor& activation, double sigma) {
  Smoothing smoothing = smoothing_for(alpha, sigma);
  Tensor a = pixels_of(alpha), r = pixels_of(activation);
  Mask mask = mask_of(a, smoothing);
  return {map_of(capacity(r, mask)), map_of(mask_backward(a, smoothing, capacity_derivative(r, mask)))};
}

/// Gaussian of 2·round(2σ)+1 taps, cut where the map is too small for its reflection, written out.
Tensor naive_smoothing(const Tensor& map, double sigma) {
  if (sigma == 0) return map;
  struct Tap {
    int64_t offset;
    double weight;
  };
  auto taps = [&](int64_t size) {
    int64_t radius = std::min<int64_t>(std::lround(2 * sigma), size - 1);
    std::vector<Tap> kernel;
    double sum = 0;
    for (int64_t offset = -radius; offset <= radius; ++offset) {
      double ratio = static_cast<double>(offset) / sigma;
      kernel.push_back({offset, std::exp(-0.5 * ratio * ratio)});
      sum += kernel.back().weight;
    }
    for (auto& tap : kernel) tap.weight /= sum;
    return kernel;
  };
  auto reflected = [](int64_t index, int64_t size) {
    if (index < 0) return -index;
    return index >= size ? 2 * (size - 1) - index : index;
  };
  Tensor smoothed = at::zeros_like(map);
  auto from = map.accessor<double, 3>();
  auto to = smoothed.accessor<double, 3>();
  int64_t height = map.size(1), width = map.size(2);
  for (int64_t c = 0; c < map.size(0); ++c) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        for (auto row : taps(height)) {
          for (auto column : taps(width)) {
            to[c][y][x] += row.weight * column.weight *
                           from[c][reflected(y + row.offset, height)][reflected(x + column.offset, width)];
          }
        }
      }
    }
  }
  return smoothed;
}

/// KL[N(λr', (1−λ)²) ‖ N(0, 1)] for the smoothed λ and 1−λ.
Tensor naive_capacity(const Tensor& alpha, const Tensor& activation, double sigma) {
  Tensor keep = naive_smoothing(1 / (1 + (-alpha).exp()), sigma);
  Tensor drop = naive_smoothing(1 / (1 + alpha.exp()), sigma);
  return 0.5 * ((keep * activation).square() + drop.square() - 1) - drop.log();
}

const std::vector<std::vector<int64_t>> kShapes{{3, 9, 7}, {1, 1, 1}, {2, 2, 3}, {2, 1, 6}, {1, 28, 28}};

}  // namespace

TEST_CASE("smoothing is the Gaussian written out, and its adjoint is one") {
  for (const auto& shape : kShapes) {
    for (double sigma : {0.0, 0.5, 1.0, 2.0}) {
      CAPTURE(shape);
      CAPTURE(sigma);
      Tensor a = normal("a", shape), b = normal("b", shape);
      Smoothing smoothing = smoothing_for(a, sigma);
      Tensor smoothed = map_of(smoothing.apply(pixels_of(a)));
      CHECK(greatest_difference(smoothed, naive_smoothing(a, sigma)) < 1e-12);
      Tensor back = map_of(smoothing.adjoint(pixels_of(b)));
      CHECK(greatest_difference((smoothed * b).sum(), (a * back).sum()) < 1e-12);
    }
  }
}

TEST_CASE("tokens that belong to no place are not smoothed") {
  Grid grid{Grid::Form::tokens, 2, 3, 4};
  Tensor tokens = normal("tokens", {1, 14, 5});
  Smoothing smoothing(1.0, grid, tokens.options());
  Tensor smoothed = grid.from_pixels(smoothing.apply(grid.to_pixels(tokens)));
  CHECK(at::equal(smoothed.slice(1, 0, 2), tokens.slice(1, 0, 2)));
  Tensor places = tokens[0].slice(0, 2).t().reshape({5, 3, 4}).contiguous();
  CHECK(greatest_difference(smoothed[0].slice(0, 2).t().reshape({5, 3, 4}), naive_smoothing(places, 1)) <
        1e-12);
}

TEST_CASE("capacity is the divergence") {
  for (const auto& shape : kShapes) {
    for (double sigma : {0.0, 0.5, 1.0, 2.0}) {
      CAPTURE(shape);
      CAPTURE(sigma);
      Tensor alpha = normal("alpha", shape) * 3, activation = normal("activation", shape);
      Tensor found = information(alpha, activation, sigma).capacity;
      CHECK(greatest_difference(found, naive_capacity(alpha, activation, sigma)) < 1e-12);
    }
  }
}

TEST_CASE("the derivative of the capacity with respect to the mask is that of finite differences") {
  Tensor keep = normal("keep", {4, 3, 5}).sigmoid(), activation = normal("activation", {4, 3, 5}) * 2;
  auto sum = [&](const Tensor& at) { return capacity(activation, {at, 1 - at}).sum().item<double>(); };
  Tensor expected = finite_differences(keep, sum, 1e-6);
  CHECK(greatest_difference(capacity_derivative(activation, {keep, 1 - keep}), expected) < 1e-6);
}

TEST_CASE("the gradient with respect to α, through the smoothing, is that of finite differences") {
  for (const auto& shape : kShapes) {
    if (shape.back() > 10) continue;
    for (double sigma : {0.0, 1.0}) {
      CAPTURE(shape);
      CAPTURE(sigma);
      Tensor alpha = normal("alpha", shape) * 2, activation = normal("activation", shape);
      auto sum = [&](const Tensor& at) { return naive_capacity(at, activation, sigma).sum().item<double>(); };
      Tensor found = information(alpha, activation, sigma).gradient;
      CHECK(greatest_difference(found, finite_differences(alpha, sum)) < 1e-6);
    }
  }
}

TEST_CASE("capacity and gradient stay finite, and capacity positive, for |α| up to 40") {
  Tensor alpha = (at::arange(81, at::kDouble) - 40).view({1, 9, 9});
  for (double scale : {0.0, 1.0, 1000.0}) {
    for (double sigma : {0.0, 1.0}) {
      CAPTURE(scale);
      CAPTURE(sigma);
      auto [nats, gradient] = information(alpha, normal("activation", {1, 9, 9}) * scale, sigma);
      CHECK(nats.isfinite().all().item<bool>());
      CHECK(gradient.isfinite().all().item<bool>());
      // Rounding of ½·((1−λ)² − 1) − ln(1−λ) near λ = 0 may fall a last digit below.
      CHECK(nats.min().item<double>() > -1e-15);
    }
  }
}

TEST_CASE("float32 keeps what a mask that is all but open drops") {
  Tensor alpha = at::full({1, 1, 1}, 17, at::kFloat), activation = at::zeros({1, 1, 1});
  Tensor nats = information(alpha, activation, 0).capacity;
  CHECK(nats.item<double>() == doctest::Approx(17 - 0.5).epsilon(1e-5));
}

TEST_CASE("an open mask passes −ln(1−λ) nats and more, a closed one none") {
  Tensor activation = normal("activation", {1, 2, 2});
  CHECK(information(at::full({1, 2, 2}, 30, at::kDouble), activation, 1).capacity.min().item<double>() > 29);
  Tensor closed = information(at::full({1, 2, 2}, -30, at::kDouble), activation, 1).capacity;
  CHECK(closed.abs().max().item<double>() < 1e-9);
}

TEST_CASE("capacity grows with the mask where the activation is far from the mean") {
  Tensor alpha = ((at::arange(81, at::kDouble) - 40) / 4).view({1, 1, 81});
  Tensor nats = information(alpha, at::full({1, 1, 81}, 1.5, at::kDouble), 0).capacity.flatten();
  CHECK((nats.slice(0, 1) > nats.slice(0, 0, -1)).all().item<bool>());
}

TEST_CASE("channels don't mix, and the smoothing keeps a constant mask") {
  Tensor alpha = at::cat({at::full({1, 6, 5}, -2, at::kDouble), at::full({1, 6, 5}, 3, at::kDouble)});
  Tensor activation = at::ones({2, 6, 5}, at::kDouble);
  Tensor plain = information(alpha, activation, 0).capacity;
  CHECK(greatest_difference(information(alpha, activation, 1).capacity, plain) < 1e-12);
  CHECK_FALSE(at::equal(plain[0], plain[1]));
}

TEST_CASE("information beyond a mask that passes anyway is the divergence of both noised inputs") {
  auto number = [](double value) { return at::full({1}, value, at::kDouble); };
  for (double keep : {0.2, 0.7, 0.95}) {
    for (double passing : {0.0, 0.4, 0.9}) {
      CAPTURE(keep);
      CAPTURE(passing);
      const double x = 1.3;
      Mask mask{number(keep), number(1 - keep)};
      // ∫ p ln(p/q) with p = N(λx, (1−λ)²) and q = N(λMx, (1−λM)²).
      Tensor places = at::linspace(-12, 14, 200'001, at::kDouble);
      auto log_density = [&](double mean, double std) {
        return -0.5 * ((places - mean) / std).square() - std::log(std * std::sqrt(2 * M_PI));
      };
      Tensor p = log_density(keep * x, 1 - keep), q = log_density(keep * passing * x, 1 - keep * passing);
      double expected = (p.exp() * (p - q)).sum().item<double>() * 26.0 / 200'000;
      CHECK(capacity_beyond(number(x), mask, number(passing)).item<double>() ==
            doctest::Approx(expected).epsilon(1e-6));
      Tensor derivative = finite_differences(
          number(keep),
          [&](const Tensor& moved) {
            return capacity_beyond(number(x), {moved, 1 - moved}, number(passing)).item<double>();
          },
          1e-6);
      CHECK(capacity_beyond_derivative(number(x), mask, number(passing)).item<double>() ==
            doctest::Approx(derivative.item<double>()).epsilon(1e-6));
    }
    Mask mask{number(keep), number(1 - keep)};
    CHECK(capacity_beyond(number(2), mask, number(0)).item<double>() ==
          doctest::Approx(capacity(number(2), mask).item<double>()));
    CHECK(std::abs(capacity_beyond(number(2), mask, number(1)).item<double>()) < 1e-12);
  }
}

}  // namespace iba::test
