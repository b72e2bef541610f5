#include <doctest/doctest.h>

#include "evaluation/degradation.h"
#include "evaluation/insertion_deletion.h"
#include "evaluation/sensitivity.h"
#include "network/seeded_weights.h"
#include "support/device.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr int64_t kSize = 48;
constexpr int64_t kTile = 8;
constexpr double kRounding = 1e-3;

Tensor image_on(at::Device device) {
  return seeded_normal("image", 0, {3, kSize, kSize}, 1).to(device);
}

Tensor map() {
  return seeded_normal("map", 0, {kSize, kSize}, 1);
}

Tensor curve(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

/// Gives what `evaluate` finds on the chosen device, and on the CPU.
template <typename Evaluate>
auto on_both(const Evaluate& evaluate) {
  static const Cancellation cancellation;
  auto on = [&](at::Device device) {
    return evaluate(small_resnet(device), image_on(device), RowSettings{16, cancellation, nullptr});
  };
  return std::pair(on(test_device()), on(at::kCPU));
}

}  // namespace

TEST_CASE("an image is degraded on a device as on the CPU") {
  auto [found, expected] = on_both([](const Network& network, const Tensor& image, RowSettings settings) {
    return degrade(network, image, map(), Target::of_class(2), kTile, 20, settings);
  });
  CHECK(found.top1 == expected.top1);
  CHECK(found.shares == expected.shares);
  auto same = [](const std::vector<double>& a, const std::vector<double>& b) {
    CHECK(relative_error(curve(a), curve(b)) < kRounding);
  };
  same(found.of_target.most_relevant_first, expected.of_target.most_relevant_first);
  same(found.of_target.least_relevant_first, expected.of_target.least_relevant_first);
}

TEST_CASE("pixels come and go on a device as on the CPU") {
  auto [found, expected] = on_both([](const Network& network, const Tensor& image, RowSettings settings) {
    return insert_and_delete(network, image, map(), Target::of_class(2), {.step = 200, .deleted = {0, 0, 0}},
                             settings);
  });
  CHECK(relative_error(curve(found.insertion), curve(expected.insertion)) < kRounding);
  CHECK(relative_error(curve(found.deletion), curve(expected.deletion)) < kRounding);
}

TEST_CASE("masks and noise change a prediction on a device as on the CPU") {
  auto [drops, expected_drops] =
      on_both([](const Network& network, const Tensor& image, RowSettings settings) {
        Tensor masks = random_masks((kSize / kTile) * (kSize / kTile), 5, 10, 0);
        return masked_drops(network, image, map(), Target::of_class(2), masks, kTile, settings);
      });
  CHECK(relative_error(drops.drop, expected_drops.drop) < kRounding);
  CHECK(relative_error(drops.relevance, expected_drops.relevance) < kRounding);

  auto [found, expected] = on_both([](const Network& network, const Tensor& image, RowSettings settings) {
    return infidelity(network, image, map(), Target::of_class(2), {.deviation = 0.2, .samples = 50},
                      settings);
  });
  CHECK(found.value == doctest::Approx(expected.value).epsilon(kRounding));
}

}  // namespace iba::test
