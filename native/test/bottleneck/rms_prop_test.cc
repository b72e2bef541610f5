#include "bottleneck/rms_prop.h"

#include <doctest/doctest.h>

#include "support/tensors.h"

namespace iba::test {

TEST_CASE("RMSprop moves as its formula says") {
  auto parameter = normal("start", {7});
  auto moved = parameter.clone(), mean_square = at::zeros_like(parameter);
  RmsProp rms_prop(parameter, 0.1);
  for (int64_t step = 1; step <= 4; ++step) {
    CAPTURE(step);
    auto gradient = normal("gradient " + std::to_string(step), {7});
    rms_prop.step(gradient);
    mean_square = 0.99 * mean_square + 0.01 * gradient.square();
    moved = moved - 0.1 * gradient / (mean_square.sqrt() + 1e-8);
    CHECK(greatest_difference(parameter, moved) < 1e-12);
  }
}

}  // namespace iba::test
