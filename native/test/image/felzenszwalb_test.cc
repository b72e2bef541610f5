#include "image/felzenszwalb.h"

#include <doctest/doctest.h>

#include "support/tensors.h"

namespace iba::test {

namespace {

/// Two colours of difference 1, with 32 pixels each (1, 8, 8).
at::Tensor halves() {
  at::Tensor image = at::zeros({1, 8, 8}, at::kDouble);
  image.slice(2, 4).fill_(1);
  return image;
}

int64_t count_of(const at::Tensor& parts) {
  return parts.max().item<int64_t>() + 1;
}

}  // namespace

TEST_CASE("two colours are two segments, up to the scale at which their difference is small beside it") {
  // Pixels of one colour have no difference within, so that the limit is the scale by the number of pixels.
  constexpr double kLimit = 255 * 32;
  auto found =
      felzenszwalb(halves(), {.scales = {1, 0.99 * kLimit, 1.01 * kLimit}, .sigma = 0, .smallest = 1});
  REQUIRE(found.size() == 3);
  CHECK(found[0].equal(halves()[0].to(at::kLong)));
  CHECK(found[1].equal(found[0]));
  CHECK(found[2].equal(at::zeros({8, 8}, at::kLong)));
}

TEST_CASE("segments that are too small are joined with a neighbour") {
  at::Tensor image = halves();
  image[0][2][1] = 5;
  auto count = [&](int64_t smallest) {
    return count_of(felzenszwalb(image, {.scales = {10}, .sigma = 0, .smallest = smallest})[0]);
  };
  CHECK(count(1) == 3);
  CHECK(count(2) == 2);
  CHECK(count(33) == 1);
}

TEST_CASE("segments of noise are numbered without gaps, are large enough, and fewer at a higher scale") {
  constexpr int64_t kSmallest = 20;
  at::Tensor image = normal("segments", {3, 60, 40});
  auto found = felzenszwalb(image, {.scales = {50, 400, 3000}, .sigma = 0.8, .smallest = kSmallest});
  for (const at::Tensor& parts : found) {
    CHECK(parts.sizes() == at::IntArrayRef({60, 40}));
    CHECK(at::bincount(parts.flatten()).min().item<int64_t>() >= kSmallest);
  }
  CHECK(count_of(found[0]) > count_of(found[1]));
  CHECK(count_of(found[1]) > count_of(found[2]));
}

TEST_CASE("an image of one colour, or of one pixel, is one segment") {
  const FelzenszwalbOptions options = {.scales = {100}, .sigma = 0.8, .smallest = 150};
  CHECK(felzenszwalb(at::ones({3, 5, 9}), options)[0].equal(at::zeros({5, 9}, at::kLong)));
  CHECK(felzenszwalb(at::ones({3, 1, 1}), options)[0].equal(at::zeros({1, 1}, at::kLong)));
}

}  // namespace iba::test
