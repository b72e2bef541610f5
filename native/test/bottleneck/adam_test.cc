#include "bottleneck/adam.h"

#include <doctest/doctest.h>

#include "support/tensors.h"

namespace iba::test {

TEST_CASE("Adam moves as its authors' formula says, and goes on from what it remembered") {
  auto start = normal("start", {7});
  auto moved = start.clone(), first_moment = at::zeros_like(start), second_moment = at::zeros_like(start);
  auto parameter = start.clone();
  std::optional<Adam> adam(std::in_place, parameter, 0.1);
  for (int64_t step = 1; step <= 6; ++step) {
    CAPTURE(step);
    auto gradient = normal("gradient " + std::to_string(step), {7});
    adam->step(gradient);
    first_moment = 0.9 * first_moment + 0.1 * gradient;
    second_moment = 0.999 * second_moment + 0.001 * gradient.square();
    auto corrected = first_moment / (1 - std::pow(0.9, step));
    auto scale = (second_moment / (1 - std::pow(0.999, step))).sqrt() + 1e-8;
    moved = moved - 0.1 * corrected / scale;
    CHECK(greatest_difference(parameter, moved) < 1e-12);
    if (step != 3) continue;
    Adam resumed(parameter, 0.1);
    resumed.restore(adam->steps(), adam->first_moment().clone(), adam->second_moment().clone());
    adam.emplace(resumed);
  }
}

}  // namespace iba::test
