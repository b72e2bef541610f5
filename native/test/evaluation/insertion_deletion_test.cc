#include "evaluation/insertion_deletion.h"

#include <doctest/doctest.h>

#include <cmath>

#include "error.h"
#include "support/tensors.h"

namespace iba::test {

TEST_CASE(
    "a blur's kernel is a Gaussian, whose tails are cut off or folded back as SciPy's filter folds them") {
  // scipy.ndimage.gaussian_filter1d of a single point among eleven, σ = 5.
  Tensor folded = doubles({0.087958145777, 0.088896119777, 0.090474196549, 0.092191117819, 0.093489388443});
  Tensor kernel = blur_kernel({.size = 11, .deviation = 5});
  CHECK(kernel.size(0) == 11);
  CHECK(at::allclose(kernel.flip(0), kernel));
  CHECK(std::abs(kernel.sum().item<double>() - 1) < 1e-12);
  CHECK(greatest_difference(kernel.slice(0, 0, 5), folded) < 1e-9);

  Tensor cut = blur_kernel({.size = 3, .deviation = 2, .tails = BlurTails::cut});
  double side = std::exp(-1.0 / 8);
  CHECK(greatest_difference(cut, doubles({side, 1, side}) / (1 + 2 * side)) < 1e-12);
  CHECK_THROWS_AS(blur_kernel({.size = 4}), Error);
}

TEST_CASE("an even image stays even where it is mirrored, and fades where it is surrounded by zeros") {
  Tensor image = at::ones({2, 9, 8});
  Blur blur{.size = 5, .deviation = 3, .border = BlurBorder::mirror};
  CHECK(greatest_difference(blurred(image, blur), image) < 1e-6);
  blur.border = BlurBorder::zero;
  Tensor faded = blurred(image, blur);
  CHECK(faded[0][0][0].item<float>() < 0.5);
  CHECK(std::abs(faded[0][4][4].item<float>() - 1) < 1e-6);
  blur = {.size = 17, .border = BlurBorder::mirror};
  CHECK_THROWS_AS(blurred(image, blur), Error);
}

}  // namespace iba::test
