#include <doctest/doctest.h>

#include <algorithm>

#include "attribution/registry.h"
#include "import/import.h"
#include "network/interpreter.h"
#include "support/accelerator.h"
#include "support/one_thread.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

constexpr const char* kHash = "seeded";
constexpr int64_t kTexts = 5, kTokens = 10, kVocabulary = 64, kFeatures = 16;

using Given = std::map<std::string, OptionValue>;

/// Texts that end with the token that the towers read at.
Tensor texts() {
  Tensor ids =
      (normal("texts", {kTexts, 1, 1, kTokens}) * 1e6).abs().to(at::kLong).remainder(kVocabulary - 1);
  ids.select(3, kTokens - 1).fill_(kVocabulary - 1);
  return ids;
}

Network tower(const std::string& file) {
  return import_network(std::string(FIXTURES) + "/tokens/" + file, {kTokens, kTokens},
                        {.kind = OutputKind::embedding});
}

std::string layer_of(const Network& network, const std::string& end) {
  for (const auto& layer : network.layers) {
    if (layer.name.ends_with(end)) return layer.name;
  }
  return "";
}

/// A text tower on a device, with the statistics that it learnt there.
struct Subject {
  Network network;
  std::string layers;
  Resources resources;

  Subject(const std::string& file, const std::string& prefix, at::Device device) : network(tower(file)) {
    network.to(device);
    std::vector<std::string> names = {layer_of(network, prefix + "0"), layer_of(network, prefix + "1")};
    layers = names[0] + "," + names[1];
    auto statistics = make_statistics(network, kHash, Preset::iba, names);
    update_statistics(statistics, network, texts().to(device), std::vector<std::string>(kTexts, "text"));
    resources = {std::make_shared<ModelStatistics>(statistics), nullptr, nullptr};
  }

  /// With those of the options that the method has.
  std::vector<Attribution> explain(const std::string& method, Given options) const {
    options.insert({{"rows", 2.0}, {"layers", layers}, {"layer", layers.substr(0, layers.find(','))}});
    const auto& entry = find_method(method);
    std::erase_if(options, [&](const auto& given) {
      return std::none_of(entry.options.begin(), entry.options.end(),
                          [&](const OptionSpec& spec) { return spec.name == given.first; });
    });
    PreparedMethod prepared(entry, network, kHash, options, resources);
    std::vector<Request> requests;
    for (int64_t i = 0; i < kTexts; ++i) {
      Tensor features = normal("features " + std::to_string(i), {kFeatures});
      requests.push_back({{.kind = Target::Kind::similarity,
                           .weights = {features.data_ptr<double>(), features.data_ptr<double>() + kFeatures}},
                          static_cast<uint64_t>(i)});
    }
    return prepared.attribute(texts().to(network.device()), requests, Cancellation(), {});
  }
};

/// What the methods found. A gradient summed over an embedding's channels is 0 but for rounding, as what lies
/// behind it is normed: of those it is what each channel has.
const Tensor& values_of(const Attribution& attribution) {
  for (const auto& [name, tensor] : attribution.tensors) {
    if (name == "raw") return tensor;
  }
  return attribution.map;
}

}  // namespace

TEST_CASE("texts are explained on an accelerator as on the CPU, by every method that takes them") {
  OneThread one_thread;
  const Given few = {
      {"steps", 3.0}, {"copies", 2.0}, {"sigma", 0.0}, {"keepRaw", true}, {"baseline", std::string("zero")}};
  for (const auto& [file, prefix] :
       {std::pair{"text.pt2", "encoder.layers."}, std::pair{"argmax.pt2", "blocks."}}) {
    CAPTURE(file);
    Subject cpu(file, prefix, at::kCPU), device(file, prefix, accelerator());
    CHECK(relative_error(logits(device.network, texts().to(accelerator())).cpu(),
                         logits(cpu.network, texts())) < 1e-5);
    for (const char* method : {"per-sample", "m2ib", "coiba", "multi-layer", "gradient", "saliency",
                               "gradient-x-input", "integrated-gradients"}) {
      CAPTURE(method);
      auto found = device.explain(method, few), expected = cpu.explain(method, few);
      REQUIRE(found.size() == kTexts);
      for (size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].map.sizes() == at::IntArrayRef({1, kTokens}));
        CHECK(expected[i].map.std().item<double>() > 0);
        CHECK(relative_error(values_of(found[i]), values_of(expected[i])) < 1e-4);
        CHECK(found[i].score == doctest::Approx(expected[i].score).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE("no step of a text's mask waits for the accelerator") {
  OneThread one_thread;
  Subject device("text.pt2", "encoder.layers.", accelerator());
  auto waits = [&](const char* method, double steps) {
    int64_t before = host_waits();
    device.explain(method,
                   {{"steps", steps}, {"copies", 2.0}, {"sigma", 0.0}, {"baseline", std::string("zero")}});
    return host_waits() - before;
  };
  for (const char* method : {"m2ib", "per-sample", "coiba", "integrated-gradients"}) {
    CAPTURE(method);
    CHECK(waits(method, 2) == waits(method, 6));
  }
}

}  // namespace iba::test
