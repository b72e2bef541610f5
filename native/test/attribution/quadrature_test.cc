#include "attribution/quadrature.h"

#include <doctest/doctest.h>

#include <cmath>

#include "error.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// The integral of x^degree from 0 to 1.
double integral(const Quadrature& quadrature, double degree) {
  return at::dot(quadrature.weights, quadrature.places.pow(degree)).item<double>();
}

}  // namespace

TEST_CASE("gauss_legendre has the published places and weights") {
  auto three = gauss_legendre(3);
  double outer = std::sqrt(0.6);
  CHECK(greatest_difference(three.places, doubles({(1 - outer) / 2, 0.5, (1 + outer) / 2})) < 1e-15);
  CHECK(greatest_difference(three.weights, doubles({5.0 / 18, 4.0 / 9, 5.0 / 18})) < 1e-15);
}

TEST_CASE("gauss_legendre is exact for polynomials up to degree 2n − 1, and not beyond") {
  for (int64_t count : {1, 2, 3, 4, 5, 7, 10, 50, 51, 500, 10'000}) {
    CAPTURE(count);
    auto quadrature = gauss_legendre(count);
    REQUIRE(quadrature.places.size(0) == count);
    CHECK(std::abs(integral(quadrature, 0) - 1) < 1e-12);
    auto exact = static_cast<double>(2 * count - 1);
    CHECK(std::abs(integral(quadrature, exact) * (exact + 1) - 1) < 1e-9);
    if (count < 8) CHECK(std::abs(integral(quadrature, exact + 1) * (exact + 2) - 1) > 1e-9);
    CHECK((quadrature.places.diff() > 0).all().item<bool>());
    CHECK((quadrature.weights > 0).all().item<bool>());
  }
}

TEST_CASE("riemann_right takes the ends of equal parts") {
  auto quadrature = riemann_right(4);
  CHECK(greatest_difference(quadrature.places, doubles({0.25, 0.5, 0.75, 1})) == 0);
  CHECK(greatest_difference(quadrature.weights, doubles({0.25, 0.25, 0.25, 0.25})) == 0);
}

TEST_CASE("gauss_legendre refuses more places than can be found") {
  CHECK(code_of([] { gauss_legendre(kMostGaussLegendrePlaces + 1); }) == ErrorCode::invalid_argument);
}

}  // namespace iba::test
