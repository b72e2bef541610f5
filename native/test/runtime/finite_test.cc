#include "finite.h"

#include <doctest/doctest.h>

#include <limits>

#include "support/errors.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("one number that isn't finite is found, wherever it is, in any type and layout") {
  for (auto type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    at::Tensor values = normal("values", {3, 4, 5, 6}).to(type);
    CHECK(is_finite(values));
    CHECK(is_finite(values.contiguous(at::MemoryFormat::ChannelsLast)));
    CHECK(is_finite(values.slice(1, 0, 4, 2)));
    for (float odd : {kNan, kInfinity, -kInfinity}) {
      for (int64_t place : {0, 17, 359}) {
        at::Tensor damaged = values.clone();
        damaged.view(-1)[place] = odd;
        CHECK_FALSE(is_finite(damaged));
        CHECK_FALSE(is_finite(damaged.contiguous(at::MemoryFormat::ChannelsLast)));
      }
    }
  }
}

TEST_CASE("whole numbers, nothing and the greatest floats are finite") {
  CHECK(is_finite(at::arange(5)));
  CHECK(is_finite(at::empty({0, 3})));
  CHECK(is_finite(at::full({2}, std::numeric_limits<float>::max())));
  CHECK(is_finite(at::full({2}, std::numeric_limits<double>::lowest(), at::kDouble)));
}

TEST_CASE("errors have the code, say what it is, and name the first image") {
  at::Tensor rows = at::zeros({3, 2});
  rows[1][1] = kNan;
  rows[2][0] = kInfinity;
  auto check = [&] { require_finite_rows(rows, {"a.png", "b.png", "c.png"}, "the output of 'fc'"); };
  CHECK(code_of(check) == ErrorCode::not_finite);
  CHECK(contains(message_of(check), "The output of 'fc' for 'b.png': expected finite numbers"));
  auto weights = [&] { require_finite(rows, ErrorCode::weights, "the weight", "Take others."); };
  CHECK(code_of(weights) == ErrorCode::weights);
  CHECK(message_of(weights) == "The weight: expected finite numbers, found NaN or infinity. Take others.");
  CHECK_NOTHROW(require_finite(1e300, ErrorCode::weights, "the loss", ""));
}

}  // namespace iba::test
