#include <doctest/doctest.h>

#include <set>

#include "attribution/registry.h"
#include "bottleneck/readout_place.h"
#include "network/batch_norm_folding.h"
#include "network/block_layers.h"
#include "network/precision.h"
#include "network/seeded_weights.h"
#include "runtime/gpu_arithmetic.h"
#include "support/device.h"
#include "support/small_networks.h"
#include "support/tensors.h"
#include "training/readout_trainer.h"

namespace iba::test {

namespace {

using Given = std::map<std::string, OptionValue>;

constexpr int64_t kImages = 2;
constexpr int64_t kSize = 64;
/// Sums in another order turn signs near zero, and with them single gradients.
constexpr double kRounding = 0.02;
/// A device draws noise of its own, so that maps of two devices are as alike as those of two seeds.
constexpr double kOtherNoise = 0.95;

/// Of TF32 and bfloat16, which round to 11 and 8 bits: a ReLU that rounding turns passes all or nothing.
constexpr double kRoundingOfTf32 = 0.3;
constexpr double kRoundingOfBfloat16 = 0.5;

/// Those that draw noise on the network's device.
const std::set<std::string> kNoisy = {"per-sample",  "smoothgrad", "coiba",
                                      "multi-layer", "input-iba",  "m2ib"};

/// Enough noise for an expectation, and what can't be left out.
const std::map<std::string, Given> kOptions = {
    {"per-sample", {{"copies", 64.0}}},
    {"coiba", {{"copies", 64.0}}},
    {"multi-layer", {{"copies", 64.0}, {"combine", std::string("weighted-sum")}}},
    {"input-iba", {{"copies", 64.0}, {"steps", 10.0}}},
    {"m2ib", {{"copies", 64.0}}},
    {"smoothgrad", {{"samples", 100.0}}},
    {"lrp", {{"low", std::vector<double>(3, -5)}, {"high", std::vector<double>(3, 5)}}},
};

Tensor images_of(const std::string& name, int64_t count) {
  return seeded_normal(name, 0, {count, 3, kSize, kSize}, 1);
}

/// A network on a device, and all that was made of the same images there.
struct Subject {
  Subject(const std::string& architecture, at::Device device) : network(small_zoo_network(architecture)) {
    network.to(device);
    network = in_precision(std::move(network), at::kFloat);
    Tensor images = images_of("estimation", 8).to(device);
    std::vector<std::string> names(8, "noise");
    auto place = default_readout_place(network);
    std::set<std::string> layers(place.reads.begin(), place.reads.end());
    layers.insert({place.layer, network.bottleneck_layer});
    for (const auto& name : block_layers(network)) layers.insert(name);
    auto statistics = make_statistics(network, "", Preset::iba, {layers.begin(), layers.end()});
    update_statistics(statistics, network, images, names);
    auto patterns = make_patterns(network, "");
    update_patterns(patterns, fold_batch_norms(network), images, names);
    auto readout =
        make_readout(statistics, {place, ReadoutVariant::A, Preset::iba, SmoothingKernel::of(1), 0.01, 0});
    readout.network = readout.network.to(device);
    resources = {std::make_shared<ModelStatistics>(std::move(statistics)),
                 std::make_shared<ModelPatterns>(std::move(patterns)),
                 std::make_shared<Readout>(std::move(readout))};
  }

  std::vector<Attribution> attribute(const MethodEntry& entry, const Given& given) const {
    Resources used = resources;
    if (!entry.takes.empty()) used.readout = nullptr;  // It is of another layer.
    PreparedMethod method(entry, network, "", given, used);
    return method.attribute(images_of("image", kImages).to(network.device()),
                            {{{}, 3}, {Target::of_class(2), 4}}, {}, nullptr);
  }

  Network network;
  Resources resources;
};

double correlation(const Tensor& a, const Tensor& b) {
  return at::corrcoef(at::stack({a.flatten(), b.flatten()}))[0][1].item<double>();
}

}  // namespace

TEST_CASE("every method explains on a device as on the CPU") {
  for (const char* architecture : {"resnet18", "vgg11"}) {
    Subject cpu(architecture, at::kCPU), device(architecture, test_device());
    for (const auto& entry : methods()) {
      if (needs_transformer(entry.name)) continue;
      auto options = kOptions.find(entry.name);
      Given given = options == kOptions.end() ? Given{} : options->second;
      auto expected = cpu.attribute(entry, given);
      auto found = device.attribute(entry, given);
      REQUIRE(found.size() == expected.size());
      for (size_t i = 0; i < found.size(); ++i) {
        CAPTURE(architecture);
        CAPTURE(entry.name);
        CHECK(found[i].target == expected[i].target);
        CHECK(found[i].probability == doctest::Approx(expected[i].probability).epsilon(1e-3));
        REQUIRE(found[i].map.is_cpu());
        if (kNoisy.contains(entry.name)) {
          CHECK(correlation(found[i].map, expected[i].map) > kOtherNoise);
        } else {
          CHECK(relative_error(found[i].map, expected[i].map) < kRounding);
        }
      }
    }
  }
}

TEST_CASE("every method explains in TF32 and in bfloat16 much as in float32") {
  for (const std::string architecture : {"resnet18", "vgg11"}) {
    const Subject subject(architecture, test_device());
    Subject rounded = subject;
    rounded.network = in_precision(subject.network, at::kBFloat16);
    for (const auto& entry : methods()) {
      if (needs_transformer(entry.name)) continue;
      auto options = kOptions.find(entry.name);
      Given given = options == kOptions.end() ? Given{} : options->second;
      const auto expected = subject.attribute(entry, given);
      auto compare = [&](const std::string& precision, const std::vector<Attribution>& found, double bound) {
        double lowest = 1, largest = 0;
        for (size_t i = 0; i < found.size(); ++i) {
          const double distance = relative_error(found[i].map, expected[i].map);
          lowest = std::min(lowest, correlation(found[i].map, expected[i].map));
          largest = std::max(largest, distance);
          CHECK(found[i].target == expected[i].target);
          CHECK(distance < bound);
        }
        MESSAGE((architecture + ", " + entry.name + " in " + precision + ": Pearson "), lowest, ", L2 ",
                largest);
      };
      set_gpu_arithmetic({.tf32 = true});
      compare("TF32", subject.attribute(entry, given), kRoundingOfTf32);
      set_gpu_arithmetic({});
      compare("bfloat16", rounded.attribute(entry, given), kRoundingOfBfloat16);
    }
  }
}

TEST_CASE("what is learnt of activations on a device is what is learnt on the CPU") {
  for (const char* architecture : {"resnet18", "vgg11"}) {
    CAPTURE(architecture);
    Subject cpu(architecture, at::kCPU), device(architecture, test_device());
    const auto& conventions = conventions_of(Preset::iba);
    for (const auto& expected : cpu.resources.statistics->layers) {
      CAPTURE(expected.layer());
      const auto& found = device.resources.statistics->layer(expected.layer());
      CHECK(relative_error(found.mean(conventions), expected.mean(conventions)) < 1e-4);
      CHECK(relative_error(found.standard_deviation(conventions, 0.01),
                           expected.standard_deviation(conventions, 0.01)) < 1e-4);
    }
    for (const auto& [name, expected] : cpu.resources.patterns->layers) {
      CAPTURE(name);
      const auto& found = device.resources.patterns->layers.at(name);
      Tensor weight = seeded_normal(name, 0, expected.shape(), 1);
      CHECK(relative_error(found.pattern(weight).cpu(), expected.pattern(weight)) < kRounding);
    }
  }
}

TEST_CASE("a readout learns on a device as on the CPU") {
  for (auto precision : {at::kFloat, at::kBFloat16}) {
    CAPTURE(precision == at::kFloat);
    auto outcomes = [&](at::Device device) {
      Subject subject("resnet18", device);
      const Network network = in_precision(subject.network, precision);
      ReadoutTrainer trainer(network, *subject.resources.readout, {10, 1e-3});
      ReadoutBatch batch{images_of("training", 4).to(device), {0, 1, 2, 3}, {5, 6, 7, 8}};
      std::vector<ReadoutOutcome> steps;
      for (int step = 0; step < 3; ++step) steps.push_back(trainer.step(batch, {}));
      return steps;
    };
    auto expected = outcomes(at::kCPU);
    auto found = outcomes(test_device());
    for (size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(i);
      // Almost all of the signal passes at first, so that the noise, another on each device, changes little.
      CHECK(found[i].information == doctest::Approx(expected[i].information).epsilon(0.02));
      CHECK(found[i].cross_entropy == doctest::Approx(expected[i].cross_entropy).epsilon(0.05));
    }
  }
}

}  // namespace iba::test
