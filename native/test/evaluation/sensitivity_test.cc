#include "evaluation/sensitivity.h"

#include <doctest/doctest.h>

#include <cmath>

#include "network/zoo/builder.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// f(x) = Σ w·x, for weights (C, H, W), as the only class.
Network weighted_sum(const Tensor& weights) {
  Builder builder("weighted sum", weights.size(0), 1);
  auto flat = builder.step("flatten", Flatten{}, {builder.input()});
  Linear sum{weights.reshape({1, -1}).to(at::kFloat), {}};
  return builder.finish(builder.step("fc", sum, {flat}), "flatten", "flatten");
}

Infidelity infidelity_of(const Network& network, const Tensor& map, bool shared) {
  Cancellation cancellation;
  StepProgress progress;
  return infidelity(network, at::zeros({3, 4, 5}), map, Target::of_class(0), {0.3, 2000, shared, 7},
                    {100, cancellation, progress});
}

}  // namespace

TEST_CASE("noise that channels share doesn't see how they differ, noise of their own does") {
  Tensor weights = normal("weights", {3, 4, 5});
  Network network = weighted_sum(weights);
  Tensor map = weights.sum(0);
  CHECK(infidelity_of(network, map, true).value < 1e-10);

  // What is left is the variance of Σ (w − w̄)·I.
  double expected = 0.09 * (weights - weights.mean(0, true)).square().sum().item<double>();
  CHECK(std::abs(infidelity_of(network, map, false).value / expected - 1) < 0.1);
}

TEST_CASE("with channels that count the same both kinds of noise find a perfect map") {
  Tensor map = normal("map", {4, 5});
  Network network = weighted_sum((map / 3).unsqueeze(0).expand({3, 4, 5}));
  for (bool shared : {true, false}) {
    auto found = infidelity_of(network, map, shared);
    CHECK(found.value < 1e-10);
    CHECK(infidelity_of(network, map * 5, shared).scaled < 1e-10);
  }
}

}  // namespace iba::test
