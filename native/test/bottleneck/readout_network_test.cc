#include "bottleneck/readout_network.h"

#include <doctest/doctest.h>

#include "bottleneck/resized_sum.h"
#include "support/tensors.h"

namespace iba::test {

TEST_SUITE_BEGIN("readout network");

namespace {

/// Added one by one in double precision.
Tensor enlarged_sum(const Tensor& sum, const std::vector<Tensor>& maps) {
  Tensor all = sum.to(at::kDouble);
  for (const Tensor& map : maps) {
    const Tensor image = map.to(at::kDouble).permute({0, 3, 1, 2});
    all = all + at::upsample_bilinear2d(image, {sum.size(1), sum.size(2)}, true).permute({0, 2, 3, 1});
  }
  return all.relu();
}

}  // namespace

TEST_CASE("maps are enlarged and added in float, and rounded once") {
  const Tensor sum = normal("sum", {2, 6, 9, 13});
  const std::vector<Tensor> maps = {normal("a", {2, 3, 4, 13}), normal("b", {2, 1, 1, 13}),
                                    normal("c", {2, 6, 2, 13}), normal("d", {2, 11, 14, 13})};
  for (const auto& [type, units] : {std::pair{at::kFloat, 0x1p-21}, std::pair{at::kBFloat16, 0x1.01p-8}}) {
    std::vector<Tensor> rounded;
    for (const Tensor& map : maps) rounded.push_back(map.to(type));
    Tensor found = sum.to(type);
    const Tensor exact = enlarged_sum(found, rounded);
    add_resized_and_rectify(found, rounded);
    CHECK((found.scalar_type() == type));
    const Tensor error = (found.to(at::kDouble) - exact).abs();
    CHECK((error <= exact.abs() * units + 1e-5).all().item<bool>());
  }
}

TEST_CASE("a readout network in bfloat16 is near the one in float, with and without a trace") {
  const std::vector<Tensor> inputs = {normal("whole", {3, 8, 7, 6}), normal("small", {3, 4, 3, 10}),
                                      normal("vector", {3, 1, 1, 12}), normal("other", {3, 8, 7, 4})};
  for (auto variant : {ReadoutVariant::A, ReadoutVariant::B}) {
    const ReadoutNetwork fresh({6, 10, 12, 4}, 16, variant, 3);
    // Fresh weights predict the same everywhere.
    auto parameters = fresh.clone().parameters();
    parameters[4].mul_(1e3);
    parameters[5].fill_(0);
    const ReadoutNetwork exact({6, 10, 12, 4}, 16, parameters);
    const ReadoutNetwork rounded = exact.to(at::kBFloat16);
    const Tensor alpha = exact.forward(inputs, 8, 7);
    REQUIRE(alpha.std().item<float>() > 0.1f);
    ReadoutNetwork::Trace trace;
    for (const Tensor& found : {rounded.forward(inputs, 8, 7), rounded.forward(inputs, 8, 7, &trace)}) {
      CHECK((found.scalar_type() == at::kFloat));
      CHECK(((found - alpha).norm() / alpha.norm()).item<float>() < 0.01f);
    }
    CHECK(exact.forward(inputs, 8, 7, &trace).allclose(alpha, 1e-5, 1e-6));
  }
}

TEST_SUITE_END();

}  // namespace iba::test
