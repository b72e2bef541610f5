#include "runtime/noise.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "support/tensors.h"

namespace iba::test {

namespace {

at::Tensor drawn(uint64_t seed, at::IntArrayRef shape) {
  return NoiseStream(seed, at::kCPU).draw(shape);
}

}  // namespace

TEST_CASE("a stream gives what torch.manual_seed and normal_ give in Python") {
  // PyTorch draws fewer than 16 numbers one by one, and more of them in blocks.
  CHECK(greatest_difference(drawn(0, {5}), doubles({1.5410, -0.2934, -2.1788, 0.5684, -1.0845})) < 1e-4);
  CHECK(greatest_difference(drawn(42, {5}), doubles({0.3367, 0.1288, 0.2345, 0.2303, -1.1229})) < 1e-4);
  CHECK(greatest_difference(drawn(0, {16}), doubles({-1.1258, -1.1524, -0.2506, -0.4339, 0.8487, 0.6920,
                                                     -0.3160, -2.1152, 0.3223, -1.2633, 0.3500, 0.3081,
                                                     0.1198, 1.2377, 1.1168, -0.2473})) < 1e-4);
}

TEST_CASE("streams are their own") {
  NoiseStream first(3, at::kCPU), second(4, at::kCPU);
  auto a = first.draw({100});
  second.draw({7});
  auto b = first.draw({100});
  NoiseStream again(3, at::kCPU);
  CHECK(at::equal(again.draw({100}), a));
  CHECK(at::equal(again.draw({100}), b));
  CHECK_FALSE(at::equal(a, b));
}

TEST_CASE("noise that is drawn ahead comes in the order of its draws, as often as was asked") {
  int calls = 0;
  NoiseStream plain(1, at::kCPU), stream(1, at::kCPU);
  {
    NoiseAhead ahead(
        [&] {
          ++calls;
          return std::vector<at::Tensor>{stream.draw({33})};
        },
        5, at::kCPU);
    for (int i = 0; i < 5; ++i) {
      CAPTURE(i);
      CHECK(at::equal(ahead.next()[0], plain.draw({33})));
    }
  }
  CHECK(calls == 5);
}

TEST_CASE("noise that nobody takes is waited for") {
  int calls = 0;
  {
    NoiseAhead ahead(
        [&] {
          ++calls;
          return std::vector<at::Tensor>{at::zeros(1)};
        },
        5, at::kCPU);
    ahead.next();
  }
  CHECK(calls == 2);
}

TEST_CASE("what fails as noise is drawn is thrown where it is taken") {
  NoiseAhead ahead([]() -> std::vector<at::Tensor> { throw std::runtime_error("no noise"); }, 2, at::kCPU);
  CHECK_THROWS_WITH(ahead.next(), "no noise");
}

TEST_CASE("noise ahead is drawn without a gradient, and on one thread") {
  bool alone = false, with_gradient = true;
  NoiseAhead ahead(
      [&] {
        alone = at::get_num_threads() == 1;
        with_gradient = at::GradMode::is_enabled();
        return std::vector<at::Tensor>{at::zeros(1)};
      },
      1, at::kCPU);
  ahead.next();
  CHECK_FALSE(with_gradient);
  CHECK(alone);
}

}  // namespace iba::test
