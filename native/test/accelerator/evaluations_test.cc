#include <doctest/doctest.h>

#include "evaluation/degradation.h"
#include "evaluation/insertion_deletion.h"
#include "evaluation/localisation.h"
#include "evaluation/regions.h"
#include "evaluation/road.h"
#include "evaluation/sensitivity.h"
#include "evaluation/tiles.h"
#include "support/accelerator.h"
#include "support/one_thread.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// Of floats that a device adds up in another order.
constexpr double kRounding = 1e-4;
constexpr int64_t kTile = 8;

/// An evaluation of one image on one device. A map is on the CPU in any case.
struct Subject {
  Network network;
  Tensor image;
  Tensor map = small_images(1)[0].sum(0);
  Cancellation cancellation;
  StepProgress progress;
  RowSettings settings;

  explicit Subject(at::Device device, int64_t rows = 4)
      : network(small_resnet(device)),
        image(small_images(2)[1].to(device)),
        settings{rows, cancellation, progress} {}

  Degradation degrade() const { return iba::degrade(network, image, map, {}, kTile, 5, settings); }
  InsertionDeletion insert_and_delete() const {
    return iba::insert_and_delete(
        network, image, map, {},
        {.step = 200, .blur = {.border = BlurBorder::mirror}, .deleted = {0.1, 0, -0.1}}, settings);
  }
  RegionCurves regions(Baseline baseline = Baseline::mean) const {
    Tensor labels = Tiles(map.size(0), map.size(1), kTile).of_pixels();
    return replace_regions(network, image, map, labels, {},
                           {.baseline = baseline, .most = 9, .both_ends = true}, settings);
  }
  Road road() const {
    return remove_and_debias(network, image, map, {}, {.shares = {0.3, 0.6}, .seed = 4}, settings);
  }
  MaskedDrops drops() const {
    return masked_drops(network, image, map, {}, random_masks(16, 5, 6, 1), kTile, settings);
  }
  Infidelity infidelity() const {
    return iba::infidelity(network, image, map, {}, {0.2, 6, false, 3}, settings);
  }
};

void check_same(const std::vector<double>& found, const std::vector<double>& expected) {
  CHECK(relative_error(at::tensor(found), at::tensor(expected)) < kRounding);
}

void check_same(const ClassCurves& found, const ClassCurves& expected) {
  check_same(found.most_relevant_first, expected.most_relevant_first);
  check_same(found.least_relevant_first, expected.least_relevant_first);
}

template <typename Evaluation>
int64_t waits_of(int64_t rows, const Evaluation& evaluate) {
  Subject subject(accelerator(), rows);
  int64_t before = host_waits();
  evaluate(subject);
  return host_waits() - before;
}

}  // namespace

TEST_CASE("evaluations find on an accelerator what they find on the CPU") {
  OneThread one_thread;
  Subject cpu(at::kCPU), device(accelerator());

  auto degraded = device.degrade(), expected_degraded = cpu.degrade();
  CHECK(degraded.target == expected_degraded.target);
  check_same(degraded.of_target, expected_degraded.of_target);
  check_same(degraded.of_top1, expected_degraded.of_top1);

  auto inserted = device.insert_and_delete(), expected_inserted = cpu.insert_and_delete();
  check_same(inserted.insertion, expected_inserted.insertion);
  check_same(inserted.deletion, expected_inserted.deletion);

  for (Baseline baseline : {Baseline::mean, Baseline::zero, Baseline::uniform}) {
    auto regions = device.regions(baseline), expected_regions = cpu.regions(baseline);
    CHECK(regions.target == expected_regions.target);
    check_same(regions.probability, expected_regions.probability);
  }

  auto road = device.road(), expected_road = cpu.road();
  CHECK(road.target == expected_road.target);
  check_same(road.probability, expected_road.probability);
  CHECK(road.kept.most_relevant_first == expected_road.kept.most_relevant_first);

  auto drops = device.drops(), expected_drops = cpu.drops();
  CHECK(relative_error(drops.drop, expected_drops.drop) < kRounding);
  CHECK(relative_error(drops.relevance, expected_drops.relevance) < kRounding);

  auto infidelity = device.infidelity(), expected_infidelity = cpu.infidelity();
  CHECK(infidelity.value == doctest::Approx(expected_infidelity.value).epsilon(kRounding));
  CHECK(infidelity.scaled == doctest::Approx(expected_infidelity.scaled).epsilon(kRounding));

  CHECK(relative_error(neighbours(device.image, 0.1, 3, 5).cpu(), neighbours(cpu.image, 0.1, 3, 5)) == 0);
}

TEST_CASE("a map that is still on an accelerator is localised as on the CPU") {
  Tensor map = small_images(1)[0].sum(0), mask = small_images(2)[1][0] > 1;
  Tensor moved = map.to(accelerator()), moved_mask = mask.to(accelerator());
  auto found = localise(moved, moved_mask), expected = localise(map, mask);
  CHECK(found.pixels == expected.pixels);
  CHECK(found.score == expected.score);
  CHECK(found.mass == doctest::Approx(expected.mass));
  for (double tolerance : {0.0, 2.0, 40.0})
    CHECK(points_at(moved, moved_mask, tolerance) == points_at(map, mask, tolerance));
}

TEST_CASE("evaluations wait for an accelerator as often, however many passes they take") {
  OneThread one_thread;
  auto check = [](const auto& evaluate) { CHECK(waits_of(1, evaluate) == waits_of(100, evaluate)); };
  check([](const Subject& subject) { subject.degrade(); });
  check([](const Subject& subject) { subject.insert_and_delete(); });
  check([](const Subject& subject) { subject.regions(); });
  check([](const Subject& subject) { subject.road(); });
  check([](const Subject& subject) { subject.drops(); });
  check([](const Subject& subject) { subject.infidelity(); });
}

}  // namespace iba::test
