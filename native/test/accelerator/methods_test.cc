#include <doctest/doctest.h>

#include "attribution/patterns.h"
#include "attribution/registry.h"
#include "bottleneck/readout_place.h"
#include "network/batch_norm_folding.h"
#include "support/accelerator.h"
#include "support/one_thread.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr const char* kHash = "seeded";
const std::vector<std::string> kNames = {"a", "b", "c", "d", "e", "f"};
/// Of floats that a device adds up in another order.
constexpr double kRounding = 1e-4;
/// Of what rounding decides: the rank of equal values, or the sign of a gradient that is nearly 0.
constexpr double kDecided = 0.2;

/// A network on a device with what was made for it there.
struct Subject {
  Network network;
  Resources resources;

  explicit Subject(at::Device device) : network(small_resnet(device)) {
    Tensor images = small_images(6).to(device);
    auto place = default_readout_place(network);
    auto statistics = make_statistics(network, kHash, Preset::iba, place.reads);
    update_statistics(statistics, network, images, kNames);
    auto patterns = make_patterns(network, kHash);
    update_patterns(patterns, fold_batch_norms(network), images, kNames);
    auto readout =
        make_readout(statistics, {place, ReadoutVariant::A, Preset::iba, SmoothingKernel::of(1), 0.01, 0});
    readout.network = readout.network.to(device);
    resources = {std::make_shared<ModelStatistics>(statistics), std::make_shared<ModelPatterns>(patterns),
                 std::make_shared<Readout>(readout)};
  }
};

const Subject& on_cpu() {
  static Subject subject(at::kCPU);
  return subject;
}

const Subject& on_accelerator() {
  static Subject subject(accelerator());
  return subject;
}

using Given = std::map<std::string, OptionValue>;

/// Little work for methods that do some of it again and again, and all there is to return.
Given options_of(const MethodEntry& entry) {
  const Given few = {{"steps", 3.0},  {"samples", 3.0}, {"copies", 2.0},
                     {"patch", 12.0}, {"masks", 5.0},   {"rows", 4.0}};
  Given given;
  for (const auto& spec : entry.options) {
    if (auto found = few.find(spec.name); found != few.end()) given.insert(*found);
    if (spec.name.starts_with("keep")) given[spec.name] = true;
    if (spec.name == "low") given[spec.name] = std::vector<double>(3, -5);
    if (spec.name == "high") given[spec.name] = std::vector<double>(3, 5);
  }
  return given;
}

/// InputIBA's generated prior in few and large steps.
const Given kLittleGenerated = {{"prior", std::string("gan")}, {"priorEpochs", 2.0}, {"priorSamples", 6.0},
                                {"priorBatch", 4.0},           {"priorRate", 0.02},  {"criticSteps", 1.0},
                                {"criticRate", 0.005},         {"criticLimit", 0.1}};

/// Both presets where they compute otherwise on the device; elsewhere only maps differ, on the CPU.
std::vector<std::string> presets_of(const MethodEntry& entry) {
  bool differs = entry.name == "per-sample" || entry.name == "lrp" || entry.name == "grad-cam";
  return differs ? std::vector<std::string>{"iba", "paper"} : std::vector<std::string>{"iba"};
}

std::vector<Attribution> attribute(const MethodEntry& entry, const Subject& subject, const Given& options,
                                   bool with_all = false, const StepListener* listener = nullptr) {
  Resources resources = subject.resources;
  if (!entry.takes.empty() && !with_all) resources.readout = nullptr;  // It is of another layer.
  PreparedMethod method(entry, subject.network, kHash, options, resources);
  Cancellation cancellation;
  return method.attribute(small_images(2).to(subject.network.device()), {{{}, 3}, {Target::of_class(2), 4}},
                          cancellation, {}, listener);
}

void check_same(const Tensor& found, const Tensor& expected, double tolerance = kRounding) {
  CHECK(found.is_cpu());
  CHECK(relative_error(found, expected) < tolerance);
}

void check_same(const Attribution& found, const Attribution& expected, double tolerance = kRounding) {
  CHECK(found.target == expected.target);
  CHECK(found.probability == doctest::Approx(expected.probability));
  check_same(found.map, expected.map, tolerance);
  REQUIRE(found.tensors.size() == expected.tensors.size());
  for (size_t i = 0; i < found.tensors.size(); ++i) {
    CAPTURE(expected.tensors[i].first);
    check_same(found.tensors[i].second, expected.tensors[i].second, tolerance);
  }
  REQUIRE(found.checks.size() == expected.checks.size());
  for (size_t i = 0; i < found.checks.size(); ++i)
    CHECK(found.checks[i].second == doctest::Approx(expected.checks[i].second).epsilon(kRounding));
  REQUIRE(found.series.size() == expected.series.size());
  for (size_t i = 0; i < found.series.size(); ++i)
    check_same(at::tensor(found.series[i].second), at::tensor(expected.series[i].second), tolerance);
}

/// How often the host waits for the accelerator in such a run.
int64_t waits_of(const std::string& method, const Given& options, const StepListener* listener = nullptr) {
  int64_t before = host_waits();
  attribute(find_method(method), on_accelerator(), options, false, listener);
  return host_waits() - before;
}

/// A run with all that is told of its steps.
struct ToldRun {
  std::vector<Attribution> attributions;
  std::vector<StepReport> told;

  ToldRun(const char* method, const Subject& subject, const Given& options) {
    const StepListener listener{[&](StepReport report) { told.push_back(std::move(report)); }, true};
    attributions = attribute(find_method(method), subject, options, false, &listener);
  }
};

}  // namespace

TEST_CASE("every method gives on an accelerator what it gives on the CPU") {
  OneThread one_thread;
  for (const auto& entry : methods()) {
    if (needs_transformer(entry.name)) continue;
    for (const auto& preset : presets_of(entry)) {
      CAPTURE(entry.name);
      CAPTURE(preset);
      Given options = options_of(entry);
      if (entry.name != "readout") options["preset"] = preset;
      auto found = attribute(entry, on_accelerator(), options);
      auto expected = attribute(entry, on_cpu(), options);
      REQUIRE(found.size() == expected.size());
      const double tolerance = entry.name == "extremal-perturbation" ? kDecided : kRounding;
      for (size_t i = 0; i < found.size(); ++i) check_same(found[i], expected[i], tolerance);
    }
  }
}

TEST_CASE("every kind of target is explained on an accelerator as on the CPU") {
  OneThread one_thread;
  using Kind = Target::Kind;
  std::vector<Request> requests;
  const std::vector<double> weights = {0.5, -1, 2, 0.1, -0.3};
  for (const Target& target :
       {Target{.index = 1}, Target{.kind = Kind::contrast, .index = 1},
        Target{.kind = Kind::labels, .others = {2}}, Target{.kind = Kind::prediction, .index = 3},
        Target{.kind = Kind::value, .index = 0, .value = 1},
        Target{.kind = Kind::similarity, .weights = weights},
        Target{.kind = Kind::weighting, .weights = weights}})
    requests.push_back({target, 7});
  auto run = [&](const char* name, const Subject& subject) {
    const auto& entry = find_method(name);
    Resources resources = subject.resources;
    resources.readout = nullptr;
    PreparedMethod method(entry, subject.network, kHash, options_of(entry), resources);
    Tensor images = small_images(static_cast<int64_t>(requests.size())).to(subject.network.device());
    return method.attribute(images, requests, Cancellation(), {});
  };
  for (const char* name : {"per-sample", "coiba", "gradient", "occlusion", "lrp"}) {
    CAPTURE(name);
    auto found = run(name, on_accelerator()), expected = run(name, on_cpu());
    for (size_t i = 0; i < found.size(); ++i) {
      CHECK(found[i].score == doctest::Approx(expected[i].score));
      check_same(found[i].map, expected[i].map);
    }
  }
}

TEST_CASE("every baseline and composite runs on an accelerator as on the CPU") {
  OneThread one_thread;
  auto check = [](const std::string& method, const std::string& option) {
    const auto& entry = find_method(method);
    for (const auto& spec : entry.options) {
      if (spec.name != option) continue;
      for (const auto& choice : spec.choices) {
        CAPTURE(choice);
        Given options = options_of(entry);
        options[option] = choice;
        if (options.contains("steps")) options["steps"] = 1.0;
        check_same(attribute(entry, on_accelerator(), options)[0], attribute(entry, on_cpu(), options)[0]);
      }
    }
  };
  check("integrated-gradients", "baseline");
  check("lrp", "composite");
}

TEST_CASE("priors of every kind, and baselines of a set, are on an accelerator those of the CPU") {
  OneThread one_thread;
  auto check = [](const std::string& method, const Given& more, double tolerance = kRounding) {
    const auto& entry = find_method(method);
    Given options = options_of(entry);
    for (const auto& [name, value] : more) options[name] = value;
    check_same(attribute(entry, on_accelerator(), options)[1], attribute(entry, on_cpu(), options)[1],
               tolerance);
  };
  check("input-iba", kLittleGenerated, kDecided);
  check("input-iba", {{"prior", at::rand({32, 32})}});
  check("gradient-shap", {{"baselines", normal("baselines", {4, 3, 32, 32})}});
  check("deep-shap", {{"baselines", normal("baselines", {4, 3, 32, 32})}});
  for (const char* game : {"delete", "dual"})
    check("extremal-perturbation", {{"game", std::string(game)}}, kDecided);
  check("extremal-perturbation", {{"perturbation", std::string("fade")}}, kDecided);
}

TEST_CASE("statistics and patterns of an accelerator's activations are those of the CPU's") {
  OneThread one_thread;
  const auto& conventions = conventions_of(Preset::iba);
  for (const auto& expected : on_cpu().resources.statistics->layers) {
    const auto& found = on_accelerator().resources.statistics->layer(expected.layer());
    check_same(found.mean(conventions), expected.mean(conventions));
    check_same(found.standard_deviation(conventions, 0.01), expected.standard_deviation(conventions, 0.01));
    CHECK(found.active(conventions).equal(expected.active(conventions)));
  }
  for (const auto& [name, expected] : on_cpu().resources.patterns->layers) {
    CAPTURE(name);
    Tensor weight = normal(name, expected.shape());
    // Some of the denominators are small.
    check_same(on_accelerator().resources.patterns->layers.at(name).pattern(weight), expected.pattern(weight),
               10 * kRounding);
  }
}

TEST_CASE("masks begin on an accelerator with what a readout predicts as on the CPU") {
  OneThread one_thread;
  const auto& entry = find_method("per-sample");
  for (const char* solver : {"adam", "proximal"}) {
    CAPTURE(solver);
    Given options = options_of(entry);
    options.insert({{"solver", solver}, {"layer", "layer1"}});
    auto found = attribute(entry, on_accelerator(), options, true),
         expected = attribute(entry, on_cpu(), options, true);
    for (size_t i = 0; i < found.size(); ++i) check_same(found[i], expected[i]);
  }
}

TEST_CASE("the proximal solver stops on an accelerator where it does on the CPU, and never waits to know") {
  OneThread one_thread;
  auto options = [](double steps) {
    return Given{{"solver", "proximal"}, {"steps", steps}, {"tolerance", 0.2}, {"copies", 2.0}};
  };
  auto found = attribute(find_method("per-sample"), on_accelerator(), options(30)),
       expected = attribute(find_method("per-sample"), on_cpu(), options(30));
  for (size_t i = 0; i < found.size(); ++i) {
    CHECK(found[i].series[0].second.size() == expected[i].series[0].second.size());
    CHECK(found[i].series[0].second.size() < 30);
    check_same(found[i], expected[i]);
  }
  CHECK(waits_of("per-sample", options(2)) == waits_of("per-sample", options(30)));
}

TEST_CASE("an accelerator tells of the same steps as the CPU, a step late, and the last has the map") {
  OneThread one_thread;
  for (const char* method : {"per-sample", "m2ib", "coiba", "input-iba", "multi-layer"}) {
    CAPTURE(method);
    Given options = options_of(find_method(method));
    options["rows"] = 2.0;  // An image at a time.
    const ToldRun found(method, on_accelerator(), options), expected(method, on_cpu(), options);
    REQUIRE(found.told.size() == 2 * 3);
    REQUIRE(expected.told.size() == found.told.size());
    for (size_t i = 0; i < found.told.size(); ++i) {
      const StepReport &step = found.told[i], &same = expected.told[i];
      CHECK(step.image == static_cast<int64_t>(i / 3));
      CHECK(step.step == static_cast<int64_t>(i % 3) + 1);
      CHECK(step.target == same.target);
      check_same(step.map, same.map);
      const auto& series = found.attributions[static_cast<size_t>(step.image)].series;
      for (size_t name = 0; name < series.size(); ++name) {
        CHECK(step.numbers[name].first == series[name].first);
        CHECK(step.numbers[name].second == series[name].second[i % 3]);
      }
    }
    if (std::string(method) != "multi-layer") {
      for (size_t image = 0; image < 2; ++image)
        CHECK(found.told[3 * image + 2].map.equal(found.attributions[image].map));
    }
    auto quiet = attribute(find_method(method), on_accelerator(), options);
    for (size_t image = 0; image < 2; ++image) CHECK(quiet[image].map.equal(found.attributions[image].map));
  }
}

TEST_CASE("who is told of steps on an accelerator waits for none, and may stop the work within one") {
  OneThread one_thread;
  for (bool with_maps : {false, true}) {
    const StepListener listener{[](StepReport) {}, with_maps};
    auto waits = [&](double steps) {
      return waits_of("per-sample", {{"steps", steps}, {"rows", 2.0}}, &listener);
    };
    CHECK(waits(2) == waits(6));
  }
  auto waits = [](double steps) {
    return waits_of("per-sample", {{"steps", steps}, {"rows", 2.0}, {"keepSteps", true}});
  };
  CHECK(waits(2) == waits(6));

  for (const auto* subject : {&on_cpu(), &on_accelerator()}) {
    Resources resources = subject->resources;
    resources.readout = nullptr;
    PreparedMethod method(find_method("per-sample"), subject->network, kHash, {{"steps", 100.0}}, resources);
    Cancellation cancellation;
    int64_t told = 0;
    const StepListener listener{[&](StepReport) {
      if (++told == 3) cancellation.cancel();
    }};
    CHECK_THROWS_AS(method.attribute(small_images(1).to(subject->network.device()), {{{}, 3}}, cancellation,
                                     {}, &listener),
                    Error);
    CHECK(told == 3);
  }
}

TEST_CASE("no step of a method's loop waits for the accelerator") {
  OneThread one_thread;
  auto with = [](const char* option, double count) { return Given{{option, count}, {"rows", 2.0}}; };
  CHECK(waits_of("per-sample", with("steps", 2)) == waits_of("per-sample", with("steps", 6)));
  CHECK(waits_of("smoothgrad", with("samples", 2)) == waits_of("smoothgrad", with("samples", 6)));
  CHECK(waits_of("integrated-gradients", with("steps", 2)) ==
        waits_of("integrated-gradients", with("steps", 6)));
  CHECK(waits_of("deep-shap", with("samples", 2)) == waits_of("deep-shap", with("samples", 6)));
  CHECK(waits_of("occlusion", with("patch", 16)) == waits_of("occlusion", with("patch", 8)));
  CHECK(waits_of("rise", with("masks", 2)) == waits_of("rise", with("masks", 6)));
  for (const char* method : {"guided-ig", "blur-ig", "xrai"}) {
    CAPTURE(method);
    CHECK(waits_of(method, with("steps", 2)) == waits_of(method, with("steps", 6)));
  }
  CHECK(waits_of("gradient-shap", with("samples", 2)) == waits_of("gradient-shap", with("samples", 6)));
  CHECK(waits_of("extremal-perturbation", with("steps", 2)) ==
        waits_of("extremal-perturbation", with("steps", 6)));
  auto generated = [](double epochs) {
    Given options = kLittleGenerated;
    options["priorEpochs"] = epochs;
    options["steps"] = 2.0;
    return options;
  };
  CHECK(waits_of("input-iba", generated(1)) == waits_of("input-iba", generated(3)));
  for (const char* method : {"ablation-cam", "score-cam"}) {
    CAPTURE(method);
    CHECK(waits_of(method, {{"rows", 2.0}}) == waits_of(method, {{"rows", 8.0}}));
  }
}

}  // namespace iba::test
