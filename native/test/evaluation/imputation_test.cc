#include "evaluation/imputation.h"

#include <doctest/doctest.h>

#include "error.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

using at::Tensor;

constexpr int64_t kHeight = 9, kWidth = 7;

/// The same equations as a dense system, written out pixel by pixel.
Tensor naive(const Tensor& image, const Tensor& missing) {
  const int64_t pixels = kHeight * kWidth;
  Tensor system = at::eye(pixels, at::kDouble);
  Tensor right = image.to(at::kDouble).flatten(1).t().clone();
  for (int64_t i = 0; i < pixels; ++i) {
    if (!missing.flatten()[i].item<bool>()) continue;
    system[i].zero_();
    right[i].zero_();
    double sum = 0;
    for (int64_t dy = -1; dy <= 1; ++dy) {
      for (int64_t dx = -1; dx <= 1; ++dx) {
        int64_t y = i / kWidth + dy, x = i % kWidth + dx;
        if ((dy == 0 && dx == 0) || y < 0 || y >= kHeight || x < 0 || x >= kWidth) continue;
        double weight = dy == 0 || dx == 0 ? 1.0 / 6 : 1.0 / 12;
        system[i][y * kWidth + x] = -weight;
        sum += weight;
      }
    }
    system[i][i] = sum;
  }
  return at::linalg_solve(system, right).t().view_as(image);
}

}  // namespace

TEST_CASE("imputed pixels are the weighted mean of their neighbours, as a dense solver finds them") {
  Tensor image = normal("image", {2, kHeight, kWidth}).to(at::kFloat);
  for (double share : {0.2, 0.6, 0.95}) {
    Tensor order = normal("missing", {kHeight * kWidth}).argsort().argsort().view({kHeight, kWidth});
    Tensor missing = order < static_cast<int64_t>(share * kHeight * kWidth);
    Tensor filled = impute(image, missing);
    CHECK(relative_error(filled.to(at::kDouble), naive(image, missing)) < 1e-6);
    Tensor known = missing.logical_not();
    CHECK(at::equal(filled.masked_select(known), image.masked_select(known)));
  }
}

TEST_CASE("a hole in an even picture is filled evenly, and a picture that is all hole is refused") {
  Tensor even = at::full({3, 40, 50}, 0.7);
  Tensor hole = at::zeros({40, 50}, at::kBool);
  CHECK(at::equal(impute(even, hole), even));
  hole.slice(0, 0, 39).fill_(true);
  CHECK(greatest_difference(impute(even, hole), even) < 1e-6);
  CHECK_THROWS_AS(impute(even, at::ones({40, 50}, at::kBool)), Error);
}

}  // namespace iba::test
