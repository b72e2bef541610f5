#include <doctest/doctest.h>

#include "attribution/registry.h"
#include "bottleneck/readout_place.h"
#include "evaluation/degradation.h"
#include "runtime/fitting_rows.h"
#include "runtime/rows.h"
#include "support/accelerator.h"
#include "support/closed_memory.h"
#include "support/one_thread.h"
#include "support/small_networks.h"
#include "support/tensors.h"
#include "training/readout_trainer.h"

namespace iba::test {

namespace {

using Given = std::map<std::string, OptionValue>;

constexpr int64_t kRowBytes = 1'000;
/// Of floats that are added up in other runs.
constexpr double kRounding = 1e-4;

/// Work that takes memory for each row of a run, and counts the rows of its tries.
struct Work {
  at::Device device;
  int64_t total;
  std::vector<int64_t> tries = {};

  void operator()(int64_t rows) {
    tries.push_back(rows);
    for_each_run(total, rows, [&](int64_t begin, int64_t end) {
      at::empty({(end - begin) * kRowBytes}, at::TensorOptions(device).dtype(at::kByte));
    });
  }
};

std::vector<int64_t> tries_of(FittingRows& rows, int64_t total) {
  Work work{accelerator(), total};
  rows.run(accelerator(), std::ref(work));
  return work.tries;
}

ModelStatistics statistics_of(const Network& network) {
  auto statistics = make_statistics(network, "seeded", Preset::iba, default_readout_place(network).reads);
  update_statistics(statistics, network, small_images(4).to(network.device()), {"a", "b", "c", "d"});
  return statistics;
}

/// A method's maps of some images on a device.
struct Explanation {
  Network network;
  PreparedMethod method;
  Tensor images;

  Explanation(const std::string& name, const Given& options, at::Device device)
      : network(small_resnet(device)),
        method(find_method(name), network, "seeded", options,
               {std::make_shared<ModelStatistics>(statistics_of(network)), nullptr, nullptr}),
        images(small_images(6).to(device)) {}

  Tensor maps() const {
    std::vector<Request> requests;
    for (int64_t i = 0; i < images.size(0); ++i)
      requests.push_back({Target::of_class(2), static_cast<uint64_t>(i)});
    std::vector<Tensor> maps;
    for (const auto& attribution : method.attribute(images, requests, {}, nullptr))
      maps.push_back(attribution.map);
    return at::stack(maps);
  }
};

}  // namespace

TEST_CASE("rows are halved until they fit into an accelerator's memory, and stay so") {
  FittingRows rows(16);
  {
    const MemoryLimit limit(5 * kRowBytes);
    CHECK(tries_of(rows, 64) == std::vector<int64_t>{16, 8, 4});
    CHECK(tries_of(rows, 64) == std::vector<int64_t>{4});
  }
  CHECK(tries_of(rows, 64) == std::vector<int64_t>{4});
  CHECK(rows.count() == 4);
  const MemoryLimit limit(kRowBytes / 2);
  CHECK_THROWS_AS(tries_of(rows, 64), c10::OutOfMemoryError);
}

TEST_CASE("rows are doubled as long as twice what they took is there, and fewer runs come of it") {
  const MemoryLimit limit(30 * kRowBytes);
  FittingRows rows(4), few(4);
  for (int64_t expected : {4, 8, 16, 16}) CHECK(tries_of(rows, 64) == std::vector<int64_t>{expected});
  for (int i = 0; i < 3; ++i) CHECK(tries_of(few, 4) == std::vector<int64_t>{4});
}

TEST_CASE("rows that were asked for stay, and so do those of the processor") {
  const MemoryLimit limit(5 * kRowBytes);
  FittingRows given(16, false);
  CHECK_THROWS_AS(tries_of(given, 64), c10::OutOfMemoryError);
  FittingRows processor(16);
  Work work{at::kCPU, 64};
  for (int i = 0; i < 2; ++i) processor.run(at::kCPU, std::ref(work));
  CHECK(work.tries == std::vector<int64_t>{16, 16});
}

TEST_CASE("a method gives on an accelerator of little memory what it gives on the CPU") {
  OneThread one_thread;
  const std::map<std::string, Given> methods = {{"smoothgrad", {{"samples", 16.0}}},
                                                {"occlusion", {{"patch", 8.0}}},
                                                {"per-sample", {{"steps", 3.0}, {"copies", 4.0}}}};
  for (const auto& [name, options] : methods) {
    CAPTURE(name);
    auto with_rows = [&](double rows) {
      Given given = options;
      given["rows"] = rows;
      return Explanation(name, given, accelerator());
    };
    const Explanation few = with_rows(4), many = with_rows(16), adapting(name, options, accelerator());
    // Methods keep something from their first run, which needs a little more.
    const MemoryLimit limit(memory_taken_by([&] { few.maps(); }) * 5 / 4);
    CHECK_THROWS_AS(many.maps(), c10::OutOfMemoryError);
    CHECK(relative_error(adapting.maps(), Explanation(name, options, at::kCPU).maps()) < kRounding);
  }
}

TEST_CASE("an evaluation finds on an accelerator of little memory what it finds on the CPU") {
  OneThread one_thread;
  const Tensor map = normal("map", {32, 32}).to(at::kFloat);
  const Cancellation cancellation;
  const Network on_cpu = small_resnet(at::kCPU), on_accelerator = small_resnet(accelerator());
  auto curves = [&](const Network& network, int64_t rows, bool adapts) {
    const RowSettings settings{rows, cancellation, nullptr, adapts};
    return degrade(network, small_images(1)[0].to(network.device()), map, Target::of_class(2), 4, 20,
                   settings)
        .of_target;
  };
  curves(on_accelerator, 2, false);
  const MemoryLimit limit(memory_taken_by([&] { curves(on_accelerator, 2, false); }));
  CHECK_THROWS_AS(curves(on_accelerator, 16, false), c10::OutOfMemoryError);
  const auto found = curves(on_accelerator, 16, true), expected = curves(on_cpu, 16, true);
  for (size_t i = 0; i < expected.most_relevant_first.size(); ++i)
    CHECK(found.most_relevant_first[i] ==
          doctest::Approx(expected.most_relevant_first[i]).epsilon(kRounding));
}

TEST_CASE("a readout learns on an accelerator of little memory what it learns with more") {
  OneThread one_thread;
  Network network = small_resnet(accelerator());
  const auto readout = make_readout(
      statistics_of(small_resnet(at::kCPU)),
      {default_readout_place(network), ReadoutVariant::A, Preset::iba, SmoothingKernel::of(1), 0.01, 0});
  auto batch_of = [&](int64_t images) {
    ReadoutBatch batch{small_images(images).to(accelerator()), {}, {}};
    for (int64_t i = 0; i < images; ++i) {
      batch.labels.push_back(i % 5);
      batch.seeds.push_back(static_cast<uint64_t>(i));
    }
    return batch;
  };
  const ReadoutTrainingOptions options{0.1, 1e-3};
  ReadoutTrainer little(network, readout, options), much(network, readout, options),
      measured(network, readout, options);
  const auto few = batch_of(2), many = batch_of(8);
  const int64_t least = memory_taken_by([&] { measured.step(few, {}); });
  const int64_t most = memory_taken_by([&] { measured.step(many, {}); });
  REQUIRE(least < most);
  const auto expected = much.step(many, {});
  const MemoryLimit limit((least + most) / 2);
  const auto found = little.step(many, {});
  CHECK(found.loss == doctest::Approx(expected.loss).epsilon(kRounding));
  for (size_t i = 0; i < expected.gradient_norms.size(); ++i)
    CHECK(found.gradient_norms[i] == doctest::Approx(expected.gradient_norms[i]).epsilon(100 * kRounding));
}

}  // namespace iba::test
