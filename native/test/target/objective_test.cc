#include "target/objective.h"

#include <doctest/doctest.h>

#include "support/errors.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr int64_t kOutputs = 5;
using Kind = Target::Kind;

std::vector<double> numbers(const std::string& name) {
  Tensor drawn = normal(name, {kOutputs});
  return {drawn.const_data_ptr<double>(), drawn.const_data_ptr<double>() + kOutputs};
}

/// One target of each kind, settled.
std::vector<Target> every_kind() {
  return {
      {.kind = Kind::classification, .index = 2},
      {.kind = Kind::label, .index = 1},
      {.kind = Kind::contrast, .index = 0, .others = {3}},
      {.kind = Kind::contrast, .index = 4},
      {.kind = Kind::labels, .others = {0, 2}},
      {.kind = Kind::prediction, .index = 3, .value = 0.7},
      {.kind = Kind::value, .index = 1, .value = -0.4},
      {.kind = Kind::similarity, .weights = numbers("embedding")},
      {.kind = Kind::weighting, .weights = numbers("weights")},
  };
}

Tensor gradient_of(const Target& target, const Tensor& outputs,
                   Tensor (Objective::*number)(const Tensor&) const) {
  Objective objective({target}, kOutputs, at::kCPU);
  return finite_differences(outputs,
                            [&](const Tensor& y) { return (objective.*number)(y).sum().item<double>(); });
}

Network network_of(OutputKind kind) {
  Network network;
  network.classes = kOutputs;
  network.outputs = kind;
  return network;
}

}  // namespace

TEST_CASE("the gradients of scores and losses are those of finite differences") {
  Tensor outputs = normal("outputs", {3, kOutputs});
  for (const auto& target : every_kind()) {
    CAPTURE(static_cast<int>(target.kind));
    Objective objective({target}, kOutputs, at::kCPU);
    CHECK(greatest_difference(objective.score_gradient(outputs),
                              gradient_of(target, outputs, &Objective::score)) < 1e-6);
    // The distance to the prediction is kept small, while the output itself is explained.
    CHECK(greatest_difference(objective.loss_gradient(outputs),
                              gradient_of(target, outputs, &Objective::loss)) < 1e-6);
  }
}

TEST_CASE("targets of a batch don't depend on each other, whatever their kinds and copies") {
  auto targets = every_kind();
  auto images = static_cast<int64_t>(targets.size());
  Tensor outputs = normal("outputs", {images * 2, kOutputs});
  Objective together(targets, kOutputs, at::kCPU);
  for (int64_t i = 0; i < images; ++i) {
    CAPTURE(i);
    Objective alone({targets[static_cast<size_t>(i)]}, kOutputs, at::kCPU);
    Tensor own = outputs.slice(0, 2 * i, 2 * i + 2);
    auto same = [&](Tensor (Objective::*of)(const Tensor&) const) {
      return at::equal((together.*of)(outputs).slice(0, 2 * i, 2 * i + 2), (alone.*of)(own));
    };
    CHECK(same(&Objective::score));
    CHECK(same(&Objective::score_gradient));
    CHECK(same(&Objective::loss));
    CHECK(same(&Objective::loss_gradient));
  }
}

TEST_CASE("probabilities are those of the model, and evaluations watch them or the score") {
  Tensor outputs = doubles({1, 2, 0, -1, 0.5}).unsqueeze(0);
  auto probability = [&](const Target& target) {
    return Objective({target}, kOutputs, at::kCPU).probability(outputs).item<double>();
  };
  Tensor shares = at::softmax(outputs, 1)[0], each = at::sigmoid(outputs)[0];
  CHECK(probability({.index = 1}) == doctest::Approx(shares[1].item<double>()));
  CHECK(probability({.kind = Kind::label, .index = 1}) == doctest::Approx(each[1].item<double>()));
  CHECK(probability({.kind = Kind::contrast, .index = 1}) == doctest::Approx(shares[1].item<double>()));
  CHECK(probability({.kind = Kind::contrast, .index = 1, .others = {0}}) ==
        doctest::Approx(1 / (1 + std::exp(-1.0))));
  double joint = 1;
  for (int64_t i = 0; i < kOutputs; ++i) {
    double holds = each[i].item<double>();
    joint *= i == 1 ? holds : 1 - holds;
  }
  CHECK(probability({.kind = Kind::labels, .others = {1}}) == doctest::Approx(joint));
  CHECK(std::isnan(probability({.kind = Kind::value, .index = 1})));
  auto strength = [&](const Target& target) {
    return Objective({target}, kOutputs, at::kCPU).strength(outputs).item<double>();
  };
  CHECK(strength({.index = 1}) == probability({.index = 1}));
  CHECK(strength({.kind = Kind::prediction, .index = 1, .value = 9}) == 2);
}

TEST_CASE("what depends on the clean outputs is settled by them") {
  Tensor outputs = doubles({1, 2, 0, -1, 0.5});
  CHECK(settled({}, OutputKind::classes, outputs) == Target::of_class(1));
  CHECK(settled(Target::of_class(3), OutputKind::classes, outputs) == Target::of_class(3));
  CHECK(settled({}, OutputKind::labels, outputs) == Target{.kind = Kind::label, .index = 1});
  CHECK(settled({}, OutputKind::values, outputs) == Target{.kind = Kind::prediction, .index = 0, .value = 1});
  CHECK(settled(Target::of_class(4), OutputKind::values, outputs) ==
        Target{.kind = Kind::prediction, .index = 4, .value = 0.5});
  Target value{.kind = Kind::value, .index = 2, .value = 7};
  CHECK(settled(value, OutputKind::classes, outputs) == value);
}

TEST_CASE("targets that a network hasn't are refused, and say what was expected") {
  auto refusal = [](const Target& target, OutputKind kind = OutputKind::classes) {
    return message_of([&] { check_target(target, network_of(kind)); });
  };
  for (const auto& target : every_kind()) CHECK(refusal(target) == "");
  CHECK(contains(refusal(Target::of_class(5)), "outputs 0 to 4"));
  CHECK(contains(refusal({.kind = Kind::contrast, .index = 1, .others = {1}}), "with itself"));
  CHECK(contains(refusal({.kind = Kind::contrast, .index = -1}), "output -1"));
  CHECK(contains(refusal({.kind = Kind::labels, .others = {7}}), "output 7"));
  CHECK(contains(refusal({.kind = Kind::similarity, .weights = {1, 2}}), "2 numbers"));
  CHECK(contains(refusal({.kind = Kind::weighting, .weights = {0, 0, 0, 0, 0}}), "all 0"));
  CHECK(contains(refusal({.kind = Kind::value, .index = 0, .value = INFINITY}), "isn't finite"));
  CHECK(contains(refusal({}, OutputKind::embedding), "Say what to explain"));
  CHECK(refusal({}, OutputKind::labels) == "");
}

}  // namespace iba::test
