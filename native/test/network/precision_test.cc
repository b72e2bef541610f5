#include "network/precision.h"

#include <doctest/doctest.h>

#include "network/cut.h"
#include "network/elementwise.h"
#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

TEST_SUITE_BEGIN("precision");

TEST_CASE("batch norms and the last weighted sum of a network in bfloat16 stay float") {
  Network network = in_precision(small_zoo_network("resnet18"), at::kBFloat16);
  CHECK((precision_of(network) == at::kBFloat16));
  for (const auto& [name, tensor] : std::as_const(network).parameters()) {
    CAPTURE(name);
    bool stays = name.starts_with("fc.") || tensor->dim() == 1;
    CHECK((tensor->scalar_type() == (stays ? at::kFloat : at::kBFloat16)));
  }
  for (auto type : {at::kFloat, at::kDouble}) {
    Network back = in_precision(network, type);
    CHECK((precision_of(back) == type));
    for (const auto& [name, tensor] : std::as_const(back).parameters())
      CHECK((tensor->scalar_type() == type));
  }
}

TEST_CASE("steps that share a tensor go on sharing it") {
  Builder builder("shared", 3, 5);
  auto first = builder.convolution("first", builder.input(), {.in = 3, .out = 3});
  auto second = builder.convolution("second", first, {.in = 3, .out = 3});
  auto pooled = builder.step("average", AdaptiveAveragePool{}, {second});
  Network network = builder.finish(builder.linear("fc", builder.step("flatten", Flatten{}, {pooled}), 3, 5),
                                   "first", "second");
  seed_weights(network, 0);
  std::get<Convolution>(network.steps[1].operation).weight =
      std::get<Convolution>(network.steps[0].operation).weight;
  network = in_precision(network, at::kBFloat16);
  CHECK(std::get<Convolution>(network.steps[0].operation)
            .weight.is_same(std::get<Convolution>(network.steps[1].operation).weight));
}

TEST_CASE("logits and gradients of a network in bfloat16 are float, and near those of one in float") {
  for (const auto* architecture : {"resnet18", "vgg11_bn", "efficientnet-lite0"}) {
    for (auto layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      CAPTURE(architecture);
      Network network = small_zoo_network(architecture);
      Network rounded = in_precision(network, at::kBFloat16);
      network.to(at::kCPU, layout);
      rounded.to(at::kCPU, layout);
      Tensor images = normal("images", {2, 3, 32, 32}).to(at::kFloat).contiguous(layout);
      auto gradient_and_logits = [&](const Network& of) {
        Cut cut(of, of.layer(of.bottleneck_layer).value);
        Values values = cut.before(images);
        Interpreter::Tape tape;
        Tensor logits = cut.after(values, values[cut.at()], &tape);
        return std::pair(cut.backward(tape, at::ones_like(logits)), logits);
      };
      auto [expected_gradient, expected_logits] = gradient_and_logits(network);
      auto [gradient, logits] = gradient_and_logits(rounded);
      CHECK((gradient.scalar_type() == at::kFloat));
      CHECK((logits.scalar_type() == at::kFloat));
      CHECK(relative_error(logits, expected_logits) < 0.03);
      CHECK(relative_error(gradient, expected_gradient) < 0.3);
    }
  }
}

TEST_CASE("batch norm, shortcut and ReLU in one pass round bfloat16 once") {
  auto rounded = [](const std::string& name) {
    return normal(name, {2, 8, 5, 7}).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto wide = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
  Tensor scale = normal("scale", {8}).to(at::kFloat), shift = normal("shift", {8}).to(at::kFloat);
  Tensor shortcut = rounded("shortcut");
  auto per_channel = [&](const Tensor& values) { return wide(values).view({1, 8, 1, 1}); };
  Tensor exact = wide(rounded("x")) * per_channel(scale) + per_channel(shift) + wide(shortcut);
  Tensor found = normalise_and_rectify(rounded("x"), scale, shift, shortcut);
  CHECK((found.scalar_type() == at::kBFloat16));
  // Half a unit in the last of eight bits.
  CHECK(((wide(found) - exact.relu()).abs() <= exact.abs() * 0x1p-8 + 1e-6).all().item<bool>());

  Tensor gradient = rounded("gradient");
  Tensor passed = wide(gradient) * (wide(found) > 0);
  auto [by_x, by_shortcut] = normalise_and_rectify_backward(gradient.clone(), found.clone(), scale, true);
  CHECK(wide(by_shortcut).equal(passed));
  CHECK(((wide(by_x) - passed * per_channel(scale)).abs() <= (passed * per_channel(scale)).abs() * 0x1p-8)
            .all()
            .item<bool>());
}

TEST_SUITE_END();

}  // namespace iba::test
