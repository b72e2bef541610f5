#include "network/rounding.h"

#include <doctest/doctest.h>

#include <limits>

#include "support/tensors.h"

namespace iba::test {

TEST_SUITE_BEGIN("rounding");

TEST_CASE("rounded weights keep the sum of each output, and are neighbours of the exact ones") {
  for (const auto& shape : std::vector<std::vector<int64_t>>{{64, 32, 3, 3}, {16, 1, 7, 7}, {10, 4096}}) {
    const Tensor weights = normal("weights", shape).to(at::kFloat);
    const Tensor exact = weights.to(at::kDouble).flatten(1),
                 nearest = weights.to(at::kBFloat16).to(at::kDouble).flatten(1);
    const Tensor found = rounded_with_sums(weights).to(at::kDouble).flatten(1);
    const Tensor left = (exact - found).sum(1).abs(), norms = (exact - nearest).norm(2, 1);
    CHECK((left <= norms).all().item<bool>());
    CHECK((exact - nearest).sum(1).abs().mean().item<double>() > 10 * left.mean().item<double>());
    // Eight bits: neighbours are less than 2^-7 of the number apart.
    CHECK(((exact - found).abs() <= exact.abs() * 0x1p-7).all().item<bool>());
    CHECK((exact - found).norm().item<double>() < 1.1 * (exact - nearest).norm().item<double>());
  }
}

TEST_CASE("the weights of each kernel keep their sum") {
  const Tensor weights = normal("weights", {64, 32, 3, 3}).to(at::kFloat);
  auto left = [&](const Tensor& rounded) {
    return (weights - rounded.to(at::kFloat)).sum({2, 3}).norm().item<double>();
  };
  CHECK(left(rounded_with_sums(weights)) < 0.4 * left(weights.to(at::kBFloat16)));
}

TEST_CASE("sums over what isn't negative come out nearer than with the nearest numbers") {
  const Tensor weights = normal("weights", {32, 16, 3, 3}).to(at::kFloat);
  const Tensor x = normal("x", {4, 16, 12, 12}).to(at::kDouble).relu();
  auto error = [&](const Tensor& rounded) {
    return relative_error(at::conv2d(x, rounded.to(at::kDouble)), at::conv2d(x, weights.to(at::kDouble)));
  };
  CHECK(error(rounded_with_sums(weights)) < 0.9 * error(weights.to(at::kBFloat16)));
}

TEST_CASE("what bfloat16 holds stays, whatever it is") {
  const float tiny = 1e-41f, huge = static_cast<float>(std::numeric_limits<at::BFloat16>::max());
  const Tensor held = at::tensor({0.0f, -0.0f, 1.0f, -2.5f, huge, -huge}).view({1, 6});
  CHECK(rounded_with_sums(held).to(at::kFloat).equal(held));
  const Tensor odd =
      at::tensor({tiny, -tiny, huge, std::numeric_limits<float>::max(), 1.001f, 0.0f}).view({2, 3});
  const Tensor rounded = rounded_with_sums(odd).to(at::kFloat);
  CHECK(rounded[1][2].item<float>() == 0);
  CHECK(!rounded.isnan().any().item<bool>());
  CHECK(rounded_with_sums(at::empty({0, 4})).numel() == 0);
  CHECK(rounded_with_sums(at::empty({4, 0})).numel() == 0);
}

TEST_CASE("a byte for each number tells what was rounded") {
  for (auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Tensor weights = normal("weights", {64, 32, 3, 3}).to(at::kFloat).contiguous(layout);
    for (const Tensor& rounded : {rounded_with_sums(weights), weights.to(at::kBFloat16)}) {
      const Rounded both = Rounded::of(weights, rounded);
      CHECK((both.errors.scalar_type() == at::kChar));
      const Tensor exact = both.exact();
      CHECK(exact.suggest_memory_format() == layout);
      CHECK(((exact - weights).abs() <= weights.abs() * 0x1.03p-15).all().item<bool>());
    }
  }
  const float huge = static_cast<float>(std::numeric_limits<at::BFloat16>::max());
  const Tensor held = at::tensor({0.0f, 1.0f, -2.5f, huge, -huge, 0x1p-126f, 0x1p-120f});
  CHECK(Rounded::of(held, held.to(at::kBFloat16)).exact().equal(held));
  const Tensor odd =
      at::tensor({1e-41f, std::numeric_limits<float>::max(), std::numeric_limits<float>::quiet_NaN()});
  CHECK(Rounded::of(odd, odd.to(at::kBFloat16)).exact()[0].item<float>() == doctest::Approx(0));
  CHECK(Rounded::of(at::empty({0, 4}), at::empty({0, 4}, at::kBFloat16)).exact().numel() == 0);
}

TEST_CASE("the memory layout stays") {
  const Tensor weights = normal("weights", {8, 16, 3, 3}).to(at::kFloat);
  const Tensor last = weights.contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor rounded = rounded_with_sums(last);
  CHECK(rounded.is_contiguous(at::MemoryFormat::ChannelsLast));
  CHECK(rounded.equal(rounded_with_sums(weights)));
}

TEST_SUITE_END();

}  // namespace iba::test
