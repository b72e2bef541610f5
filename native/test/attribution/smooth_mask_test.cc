#include "attribution/smooth_mask.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr int64_t kSpacing = 3;
constexpr double kSigma = 6;

SmoothMask small_mask() {
  return {{8, 11}, kSpacing, kSigma, at::kCPU};
}

/// Parameters from 0 to 1.
at::Tensor parameters_of(const SmoothMask& mask, const std::string& name, int64_t count) {
  auto [height, width] = mask.parameters();
  return at::sigmoid(normal(name, {count, height, width}));
}

}  // namespace

TEST_CASE("a smooth mask has the shape of its image, within a field that holds its margin") {
  SmoothMask mask = small_mask();
  CHECK(mask.parameters() == std::array<int64_t, 2>{3, 4});
  auto fields = mask.fields(parameters_of(mask, "mask", 2));
  CHECK(fields.sizes() == at::IntArrayRef({2, mask.field()[0], mask.field()[1]}));
  CHECK(mask.over_image(fields).sizes() == at::IntArrayRef({2, 8, 11}));
  CHECK(fields.min().item<double>() >= 0);
  CHECK(fields.max().item<double>() <= 1);
  CHECK(mask.fields(at::zeros({1, 3, 4})).max().item<double>() == 0);
}

TEST_CASE("a pixel of a smooth mask is the smooth maximum of what lies around it") {
  SmoothMask mask = small_mask();
  auto parameters = parameters_of(mask, "maximum", 1);
  auto found = mask.over_image(mask.fields(parameters));
  for (int64_t y : {0, 5}) {
    for (int64_t x : {2, 10}) {
      double weights = 0, sum = 0;
      // Seven neighbours a side are read, of which those beyond the parameters are 0.
      const int64_t first_row = (y + 6) / kSpacing - 5, first_column = (x + 6) / kSpacing - 5;
      for (int64_t i = first_row; i < first_row + 7; ++i) {
        for (int64_t j = first_column; j < first_column + 7; ++j) {
          bool is_there = i >= 0 && i < 3 && j >= 0 && j < 4;
          double value = is_there ? parameters[0][i][j].item<double>() : 0;
          double d = std::hypot(static_cast<double>(y - kSpacing * i), static_cast<double>(x - kSpacing * j));
          double beyond = std::max(0.0, d / kSigma - 0.5);
          double weighted = value * std::exp(-2 * beyond * beyond);
          weights += std::exp(20 * weighted);
          sum += weighted * std::exp(20 * weighted);
        }
      }
      CAPTURE(y);
      CAPTURE(x);
      CHECK(found[0][y][x].item<double>() == doctest::Approx(sum / weights).epsilon(1e-5));
    }
  }
}

TEST_CASE("the way back through a smooth mask is its derivative") {
  SmoothMask mask = small_mask();
  auto parameters = parameters_of(mask, "way back", 2);
  auto fields = mask.fields(parameters);
  auto gradient = normal("gradient", fields.sizes());
  auto expected = finite_differences(
      parameters, [&](const at::Tensor& x) { return (mask.fields(x) * gradient).sum().item<double>(); });
  CHECK(relative_error(mask.backward(parameters, fields, gradient), expected) < 1e-6);

  auto masks = normal("masks", {2, 8, 11});
  auto over = at::zeros_like(fields);
  mask.add_over_image(over, masks);
  CHECK((over * fields).sum().item<double>() ==
        doctest::Approx((masks * mask.over_image(fields)).sum().item<double>()));
}

}  // namespace iba::test
