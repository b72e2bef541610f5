#include "network/precision.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "attribution/local_pass.h"
#include "attribution/rules/gradient_rules.h"
#include "network/cut.h"
#include "network/elementwise.h"
#include "network/fused_convolution.h"
#include "network/fusion.h"
#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

TEST_SUITE_BEGIN("precision");

TEST_CASE("batch norms, biases and the last weighted sum of a network in bfloat16 stay float") {
  Network network = in_precision(small_zoo_network("resnet18"), at::kBFloat16);
  CHECK((precision_of(network) == at::kBFloat16));
  for (const auto& [name, tensor] : std::as_const(network).parameters()) {
    CAPTURE(name);
    bool stays = name.starts_with("fc.") || tensor->dim() == 1;
    CHECK((tensor->scalar_type() == (stays ? at::kFloat : at::kBFloat16)));
  }
  for (const auto& step : in_precision(small_zoo_network("vgg11"), at::kBFloat16).steps) {
    if (const auto* convolution = std::get_if<Convolution>(&step.operation))
      CHECK((convolution->bias.scalar_type() == at::kFloat));
  }
  CHECK(network.with_norms.empty() != fuses_convolutions());
  for (auto type : {at::kFloat, at::kDouble}) {
    Network back = in_precision(network, type);
    CHECK((precision_of(back) == type));
    CHECK(back.with_norms.empty());
    for (const auto& [name, tensor] : std::as_const(back).parameters())
      CHECK((tensor->scalar_type() == type));
  }
}

TEST_CASE("the gradient of a depthwise convolution with strides is that of float, rounded") {
  const auto channels_last = at::MemoryFormat::ChannelsLast;
  for (int64_t multiplier : {1, 2}) {
    Convolution op{.weight = normal("weight", {16 * multiplier, 1, 5, 5}).to(at::kBFloat16),
                   .bias = Tensor(),
                   .stride = {2, 2},
                   .padding = {2, 2},
                   .groups = 16};
    const Tensor images = normal("x", {2, 16, 15, 14}).to(at::kBFloat16).contiguous(channels_last);
    StepState state;
    state.keep_shapes({images});
    const Tensor gradient =
        normal("gradient", {2, 16 * multiplier, 8, 7}).to(at::kBFloat16).contiguous(channels_last);
    const Tensor found = op.backward(state, gradient)[0];
    op.weight = op.weight.to(at::kFloat);
    const Tensor expected = op.backward(state, gradient.to(at::kFloat))[0];
    CHECK(found.is_contiguous(channels_last));
    CHECK(found.equal(expected.to(at::kBFloat16)));
  }
}

TEST_CASE("a linear layer takes rows that don't lie together") {
  const Tensor weight = normal("weight", {6, 8}).to(at::kBFloat16),
               bias = normal("bias", {6}).to(at::kBFloat16);
  const Linear rounded{weight, bias}, exact{weight.to(at::kFloat), bias.to(at::kFloat)};
  const Tensor tokens = normal("tokens", {5, 2, 8}).to(at::kBFloat16).transpose(0, 1);
  const Tensor gradient = normal("gradient", {5, 2, 6}).to(at::kBFloat16).transpose(0, 1);
  std::vector<Tensor> given{tokens}, in_float{tokens.to(at::kFloat)};
  const Tensor expected = at::linear(in_float[0], exact.weight, exact.bias);
  CHECK(exact.forward(in_float, nullptr).equal(expected));
  CHECK(relative_error(rounded.forward(given, nullptr), expected) < 0x1p-8);
  CHECK(relative_error(rounded.backward({}, gradient)[0], at::matmul(gradient.to(at::kFloat), exact.weight)) <
        0x1p-8);
}

TEST_CASE("a network in bfloat16 becomes one in float again") {
  const Tensor images = normal("images", {2, 3, 32, 32}).to(at::kFloat);
  for (const auto* architecture : {"resnet18", "vgg11", "efficientnet-lite0"}) {
    CAPTURE(architecture);
    const Network network = small_zoo_network(architecture);
    Network moved = in_precision(network, at::kBFloat16);
    moved.to(at::kCPU, at::MemoryFormat::Contiguous);
    moved = in_precision(std::move(moved), at::kBFloat16);
    const Network back = in_precision(moved, at::kFloat);
    CHECK(back.roundings.empty());
    CHECK(relative_error(logits(back, images), logits(network, images)) < 1e-4);
    const auto expected = network.parameters(), found = back.parameters();
    for (size_t i = 0; i < expected.size(); ++i) {
      CAPTURE(expected[i].first);
      CHECK(relative_error(*found[i].second, *expected[i].second) < 0x1p-15);
    }
  }
}

TEST_CASE("weights that are replaced are not taken for those that were rounded") {
  Network network = in_precision(small_zoo_network("resnet18"), at::kBFloat16);
  seed_weights(network, 1, [](const std::string& name) { return name.starts_with("layer3.0.conv1"); });
  const Network seeded = in_precision(in_precision(network, at::kBFloat16), at::kFloat);
  for (const auto& [name, tensor] : seeded.parameters()) {
    if (name == "layer3.0.conv1.weight")
      CHECK(relative_error(*tensor, seeded_normal(name, 1, tensor->sizes(),
                                                  std::sqrt(2.0 * tensor->size(0) / tensor->numel()))) <
            0x1p-15);
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

TEST_CASE("scales and shifts of bfloat16 are rounded once") {
  auto rounded = [](const std::string& name) {
    return normal(name, {2, 8, 5, 7}).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto wide = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
  const Tensor scale = normal("scale", {8}).to(at::kFloat), shift = normal("shift", {8}).to(at::kFloat);
  const Tensor x = wide(rounded("x")), factor = wide(scale).view({1, 8, 1, 1}),
               offset = wide(shift).view({1, 8, 1, 1});
  auto check = [&](const Tensor& found, const Tensor& exact) {
    CHECK((found.scalar_type() == at::kBFloat16));
    CHECK(((wide(found) - exact).abs() <= exact.abs() * 0x1p-8 + 1e-6).all().item<bool>());
  };
  check(scaled(rounded("x"), scale), x * factor);
  check(shifted(rounded("x"), shift), x + offset);
  check(scale_and_shift(rounded("x"), scale, shift), x * factor + offset);
  // What somebody else sees stays.
  const Tensor seen = rounded("x");
  check(scaled(seen, scale), x * factor);
  check(shifted(seen, shift), x + offset);
  CHECK(wide(seen).equal(x));
}

TEST_CASE("a convolution adds its shortcut and rectifies before it rounds to bfloat16") {
  if (!fuses_convolutions()) {
    MESSAGE("LibTorch has no such convolution for this processor");
    return;
  }
  auto rounded = [](const std::string& name, at::IntArrayRef shape) {
    return normal(name, shape).to(at::kBFloat16).contiguous(at::MemoryFormat::ChannelsLast);
  };
  auto wide = [](const Tensor& tensor) { return tensor.to(at::kDouble); };
  Tensor x = rounded("x", {2, 8, 6, 5}), shortcut = rounded("shortcut", {2, 12, 3, 3});
  const Relu unlimited, limited{.limit = 0.5};
  for (int64_t groups : {1, 4}) {
    // Of eight bits, as an addition takes it.
    for (const Tensor& bias : {Tensor(), rounded("bias", {1, 1, 1, 12}).flatten().to(at::kFloat)}) {
      const Convolution convolution{.weight = rounded("weight", {12, 8 / groups, 3, 3}) / 4,
                                    .bias = bias,
                                    .stride = {2, 2},
                                    .padding = {1, 1},
                                    .groups = groups};
      const Tensor wide_bias = bias.defined() ? wide(bias) : bias;
      const Tensor sum = at::convolution(wide(x), wide(convolution.weight), wide_bias, {2, 2}, {1, 1}, {1, 1},
                                         false, {0, 0}, groups);
      // Half a unit in the last of eight bits; where there are groups the sum is rounded before the addition
      // too.
      auto check = [&](const Tensor& found, const Tensor& exact, const Tensor& rounded_before = {}) {
        const Tensor sizes =
            groups > 1 && rounded_before.defined() ? exact.abs() + rounded_before.abs() : exact.abs();
        CHECK((found.scalar_type() == at::kBFloat16));
        CHECK(((wide(found) - exact).abs() <= sizes * 0x1p-8 + 1e-5).all().item<bool>());
      };
      const Tensor all = sum + wide(shortcut);
      check(convolve_add_and_rectify(convolution, x, {}, nullptr), sum);
      check(convolve_add_and_rectify(convolution, x, {}, &unlimited), sum.relu());
      check(convolve_add_and_rectify(convolution, x, {}, &limited), sum.clamp(0, 0.5));
      check(convolve_add_and_rectify(convolution, x, shortcut, nullptr), all, sum);
      check(convolve_add_and_rectify(convolution, x, shortcut, &unlimited), all.relu(), sum);
      check(convolve_add_and_rectify(convolution, x, shortcut, &limited), all.clamp(0, 0.5), sum);
    }
  }
}

TEST_CASE("in bfloat16 convolutions are computed with what follows them, but for what is looked at") {
  if (!fuses_convolutions()) return;
  Builder builder("chain", 3, 5);
  auto first = builder.convolution("first", builder.input(), {.in = 3, .out = 4, .bias = true});
  auto rectified = builder.step("relu", Relu{}, {first});
  auto second = builder.convolution("second", rectified, {.in = 4, .out = 4, .bias = true});
  auto third = builder.convolution("third", second, {.in = 4, .out = 4, .bias = true});
  auto sum = builder.step("add", Add{}, {second, third});
  auto output = builder.step("output", Relu{}, {sum});
  auto pooled = builder.step("average", AdaptiveAveragePool{}, {output});
  Network network = builder.finish(builder.linear("fc", builder.step("flatten", Flatten{}, {pooled}), 4, 5),
                                   "relu", "relu");
  seed_weights(network, 0);
  network.to(at::kCPU);
  const Network rounded = in_precision(network, at::kBFloat16);
  std::vector<size_t> steps(network.steps.size());
  std::iota(steps.begin(), steps.end(), size_t{0});
  auto lengths = [&](const Network& of, std::vector<ValueId> wanted) {
    auto fusions = find_fusions(of, steps, wanted);
    return std::array{fusions[0].steps, fusions[2].steps, fusions[3].steps};
  };
  CHECK((lengths(rounded, {}) == std::array<size_t, 3>{2, 1, 3}));
  CHECK((lengths(rounded, {first}) == std::array<size_t, 3>{1, 1, 3}));
  CHECK((lengths(rounded, {sum}) == std::array<size_t, 3>{2, 1, 2}));
  CHECK((lengths(rounded, {third}) == std::array<size_t, 3>{2, 1, 1}));
  CHECK((lengths(network, {}) == std::array<size_t, 3>{1, 1, 1}));

  const Tensor images =
      normal("images", {2, 3, 9, 9}).to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  auto gradient = [&](const Network& of) {
    Cut cut(of, of.input);
    Interpreter::Tape tape;
    Tensor logits = cut.after(cut.before(images), images, &tape);
    return cut.backward(tape, at::ones_like(logits));
  };
  CHECK(relative_error(logits(rounded, images), logits(network, images)) < 0.02);
  // A gradient jumps where rounding turned a ReLU.
  CHECK(relative_error(gradient(rounded), gradient(network)) < 0.2);
}

TEST_CASE("a convolution in bfloat16 adds its bias in float") {
  const Tensor x = normal("x", {2, 8, 5, 5}).to(at::kBFloat16);
  const Tensor weight = normal("weight", {6, 8, 3, 3}).to(at::kBFloat16),
               bias = 1000 * normal("bias", {6}).to(at::kFloat);
  // Sums that are small beside a bias of eight bits.
  const Tensor exact =
      at::conv2d(x.to(at::kDouble), weight.to(at::kDouble)) + bias.to(at::kDouble).view({1, 6, 1, 1});
  for (auto layout : {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
    const Convolution convolution{.weight = weight.contiguous(layout), .bias = bias};
    std::vector<Tensor> inputs{x.contiguous(layout)};
    const Tensor found = convolution.forward(inputs, nullptr);
    CHECK((found.scalar_type() == at::kBFloat16));
    CHECK(relative_error(found, exact) < 0x1p-8);
    if (!fuses_convolutions()) continue;
    CHECK(relative_error(convolve_add_and_rectify(convolution, inputs[0], {}, nullptr), exact) < 0x1p-8);
  }
}

TEST_CASE(
    "in bfloat16 a convolution holds the batch norm that follows, unless something is looked at or added") {
  if (!fuses_convolutions()) return;
  Network network = small_zoo_network("resnet18");
  network.to(at::kCPU);
  Network rounded = in_precision(network, at::kBFloat16);
  rounded.to(at::kCPU);
  const auto step_named = [&](const std::string& name) {
    for (size_t i = 0; i < rounded.steps.size(); ++i) {
      if (rounded.steps[i].name() == name) return i;
    }
    return rounded.steps.size();
  };
  std::vector<size_t> steps(rounded.steps.size());
  std::iota(steps.begin(), steps.end(), size_t{0});
  const size_t first = step_named("conv1"), last = step_named("layer1.0.conv2");
  const auto length = [&](size_t step, const std::vector<ValueId>& wanted) {
    return find_fusions(rounded, steps, wanted)[step].steps;
  };
  CHECK(length(first, {}) == 3);
  CHECK(length(first, {rounded.steps[first].output}) == 1);
  CHECK(length(first, {rounded.steps[first + 1].output}) == 2);
  CHECK(length(last, {}) == 1);
  CHECK(length(last + 1, {}) == 3);

  // Folding rounds other numbers, and no more often.
  const Tensor images =
      normal("images", {2, 3, 32, 32}).to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const auto value = rounded.steps[first + 1].output;
  const Tensor exact = activations(network, images, {value})[0];
  const Tensor folded = activations(rounded, images, {value})[0];
  const Tensor apart = activations(rounded, images, {rounded.steps[first].output, value})[1];
  CHECK(relative_error(folded, exact) < 0.01);
  CHECK(relative_error(apart, exact) < 0.01);
  CHECK(!folded.equal(apart));
}

TEST_CASE("in bfloat16 a window that changes nothing leaves the logits as they are") {
  Network network = in_precision(small_zoo_network("resnet18"), at::kBFloat16);
  network.to(at::kCPU);
  const Tensor image =
      normal("image", {1, 3, 64, 64}).to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  const LocalPass pass(network, image, {8, 8});
  const Tensor found = pass.logits({image.narrow(2, 16, 8).narrow(3, 24, 8).contiguous(), {{16, 24}}});
  CHECK(relative_error(found, pass.clean_logits()) < 1e-3);
  CHECK(relative_error(pass.clean_logits(), logits(network, image)) < 0.01);
}

TEST_CASE("a rule of a ReLU holds behind a convolution that holds its batch norm") {
  Network network = small_zoo_network("resnet18");
  network.to(at::kCPU);
  Network rounded = in_precision(network, at::kBFloat16);
  rounded.to(at::kCPU);
  const Tensor images =
      normal("images", {2, 3, 32, 32}).to(at::kFloat).contiguous(at::MemoryFormat::ChannelsLast);
  auto guided = [&](const Network& of) {
    Cut cut(of, of.layer("layer1").value, guided_backprop_rules(of).rules);
    Values values = cut.before(images);
    Interpreter::Tape tape;
    Tensor logits = cut.after(values, values[cut.at()], &tape);
    return cut.backward(tape, at::ones_like(logits));
  };
  CHECK(relative_error(guided(rounded), guided(network)) < 0.1);
}

TEST_SUITE_END();

}  // namespace iba::test
