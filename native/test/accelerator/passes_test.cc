#include <doctest/doctest.h>

#include "attribution/registry.h"
#include "network/cut.h"
#include "network/precision.h"
#include "network/zoo/builder.h"
#include "support/accelerator.h"
#include "support/operator_calls.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

struct Pass {
  Tensor logits;
  Tensor gradient;  // of their sum, at the bottleneck's layer
};

Pass pass_through(const Network& network, const Tensor& images) {
  const Cut cut(network, network.layer(network.bottleneck_layer).value);
  const Values values = cut.before(images);
  Interpreter::Tape tape;
  const Tensor logits = cut.after(values, values[cut.at()], &tape);
  return {logits.cpu(), cut.backward(tape, at::ones_like(logits)).cpu()};
}

Network on_accelerator(const std::string& architecture, at::MemoryFormat layout, at::ScalarType type) {
  Network network = small_zoo_network(architecture);
  network.to(accelerator(), layout);
  return in_precision(std::move(network), type);
}

/// The operators that one step of a map calls.
std::map<std::string, int64_t> calls_of_step(const Network& network) {
  auto statistics = std::make_shared<ModelStatistics>(
      make_statistics(network, "seeded", Preset::iba, {network.bottleneck_layer}));
  const Tensor images = small_images(4).to(network.device());
  update_statistics(*statistics, network, images, {"a", "b", "c", "d"});
  auto calls_of = [&](double steps) {
    const PreparedMethod method(find_method("per-sample"), network, "seeded", {{"steps", steps}},
                                {statistics, nullptr, nullptr});
    return operator_calls([&] { method.attribute(images.slice(0, 0, 2), {{{}, 1}, {{}, 2}}, {}, nullptr); });
  };
  auto calls = calls_of(3);
  for (const auto& [name, count] : calls_of(2)) calls[name] -= count;
  return calls;
}

}  // namespace

TEST_CASE(
    "batch norms that an accelerator's convolutions take along leave logits and gradients as they are") {
  const Tensor images = small_images(2);
  for (const auto* architecture : {"resnet18", "resnet50", "vgg11_bn", "efficientnet-lite0"}) {
    CAPTURE(architecture);
    const Pass expected = pass_through(small_zoo_network(architecture), images);
    for (auto layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      for (auto type : {at::kFloat, at::kBFloat16}) {
        CAPTURE(type == at::kFloat);
        const Network network = on_accelerator(architecture, layout, type);
        CHECK(!network.with_norms.empty());
        const Pass found = pass_through(network, images.to(accelerator()).contiguous(layout));
        CHECK(relative_error(found.logits, expected.logits) < (type == at::kFloat ? 1e-5 : 0.05));
        CHECK(relative_error(found.gradient, expected.gradient) < (type == at::kFloat ? 1e-4 : 0.3));
      }
    }
  }
}

TEST_CASE("a network without parameters is on its device too") {
  Builder builder("mean colours", 3, 3);
  auto mean = builder.step("average", AdaptiveAveragePool{}, {builder.input()});
  Network network = builder.finish(builder.step("flatten", Flatten{}, {mean}), "average", "average");
  const Tensor images = small_images(2), expected = logits(network, images);
  network.to(accelerator());
  for (auto type : {at::kFloat, at::kBFloat16}) {
    const Network converted = in_precision(network, type);
    CHECK(converted.device() == accelerator());
    CHECK(relative_error(logits(converted, images.to(converted.device())).cpu(), expected) < 1e-5);
  }
}

TEST_CASE("a network that an accelerator has in bfloat16 becomes one in float there") {
  const Tensor images = small_images(2);
  const Pass expected = pass_through(small_zoo_network("resnet18"), images);
  const Network back = in_float(on_accelerator("resnet18", at::MemoryFormat::ChannelsLast, at::kBFloat16));
  CHECK(back.device() == accelerator());
  const Pass found = pass_through(back, images.to(accelerator()));
  CHECK(relative_error(found.logits, expected.logits) < 1e-4);
  CHECK(relative_error(found.gradient, expected.gradient) < 1e-3);
}

TEST_CASE("a network that leaves an accelerator computes as before") {
  Network network = on_accelerator("resnet18", at::MemoryFormat::ChannelsLast, at::kFloat);
  network.to(at::kCPU);
  const Tensor images = small_images(2);
  CHECK(logits(network, images).equal(logits(small_resnet(at::kCPU), images)));
}

TEST_CASE("a step of a map passes over an accelerator's memory no more often than it must") {
  for (auto type : {at::kFloat, at::kBFloat16}) {
    CAPTURE(type == at::kFloat);
    auto calls = calls_of_step(on_accelerator("resnet18", at::MemoryFormat::ChannelsLast, type));
    CHECK(calls["aten::convolution"] == 10);
    CHECK(calls["aten::convolution_backward"] == 10);
    // Behind the bottleneck and behind its noise.
    CHECK(calls["aten::relu_"] == 8);
    CHECK(calls["aten::threshold_backward"] == 8);
    CHECK(calls["aten::batch_norm"] == 0);
    CHECK(calls["aten::rsqrt"] == 0);
    // The signal, and the noise that comes to it; one sum over the copies for each of them.
    CHECK(calls["aten::addcmul"] == 2);
    CHECK(calls["aten::sum"] == 3);
    CHECK(calls["aten::zeros_like"] == 0);
  }
}

}  // namespace iba::test
