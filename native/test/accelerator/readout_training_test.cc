#include <doctest/doctest.h>

#include "bottleneck/readout_place.h"
#include "runtime/rows.h"
#include "support/accelerator.h"
#include "support/files.h"
#include "support/one_thread.h"
#include "support/small_networks.h"
#include "support/tensors.h"
#include "training/readout_trainer.h"

namespace iba::test {

namespace {

/// Of floats that a device adds up in another order, after some steps.
constexpr double kRounding = 1e-4;

/// Training of a readout on a device.
struct Training {
  Network network;
  ReadoutTrainer trainer;

  explicit Training(at::Device device)
      : network(small_resnet(device)), trainer(network, fresh_readout(), {0.1, 1e-3}) {}

  ReadoutBatch batch(int64_t images) const {
    ReadoutBatch batch{small_images(images).to(network.device()), {}, {}};
    for (int64_t i = 0; i < images; ++i) {
      batch.labels.push_back(i % 5);
      batch.seeds.push_back(static_cast<uint64_t>(i));
    }
    return batch;
  }

 private:
  static Readout fresh_readout() {
    Network cpu = small_resnet(at::kCPU);
    auto place = default_readout_place(cpu);
    auto statistics = make_statistics(cpu, "seeded", Preset::iba, place.reads);
    update_statistics(statistics, cpu, small_images(4), {"a", "b", "c", "d"});
    return make_readout(statistics, {place, ReadoutVariant::A, Preset::iba, SmoothingKernel::of(1), 0.01, 0});
  }
};

void check_same(const ReadoutOutcome& found, const ReadoutOutcome& expected) {
  CHECK(found.images == expected.images);
  CHECK(found.loss == doctest::Approx(expected.loss).epsilon(kRounding));
  CHECK(found.cross_entropy == doctest::Approx(expected.cross_entropy).epsilon(kRounding));
  CHECK(found.information == doctest::Approx(expected.information).epsilon(kRounding));
  CHECK(found.correct == expected.correct);
  CHECK(found.extras == expected.extras);
  REQUIRE(found.gradient_norms.size() == expected.gradient_norms.size());
  for (size_t i = 0; i < found.gradient_norms.size(); ++i)
    CHECK(found.gradient_norms[i] == doctest::Approx(expected.gradient_norms[i]).epsilon(100 * kRounding));
}

}  // namespace

TEST_CASE("a readout learns on an accelerator what it learns on the CPU") {
  OneThread one_thread;
  Training cpu(at::kCPU), device(accelerator());
  for (int step = 0; step < 3; ++step)
    check_same(device.trainer.step(device.batch(3), {4, 5}), cpu.trainer.step(cpu.batch(3), {4, 5}));
  check_same(device.trainer.evaluate(device.batch(5)), cpu.trainer.evaluate(cpu.batch(5)));
  Readout trained = device.trainer.trained();
  for (const auto& parameter : trained.network.parameters()) CHECK(parameter.device() == accelerator());
}

TEST_CASE("training on an accelerator goes on from its file") {
  OneThread one_thread;
  TemporaryFolder folder;
  Training first(accelerator()), second(accelerator());
  first.trainer.step(first.batch(2), {});
  first.trainer.save(folder.path() / "checkpoint.safetensors", {{"note", "kept"}});
  CHECK(second.trainer.restore(folder.path() / "checkpoint.safetensors").at("note") == "kept");
  auto expected = first.trainer.step(first.batch(2), {});
  CHECK(second.trainer.step(second.batch(2), {}).loss == expected.loss);
}

TEST_CASE("a training step waits for an accelerator as often, however many passes it takes") {
  OneThread one_thread;
  Training training(accelerator());
  auto waits_of = [&](int64_t images) {
    auto batch = training.batch(images);
    int64_t before = host_waits();
    training.trainer.step(batch, {});
    return host_waits() - before;
  };
  // The sums, then the norms of the gradients.
  CHECK(waits_of(2) == 2);
  CHECK(waits_of(kTrainingRows.cuda + 2) == 2);
}

}  // namespace iba::test
