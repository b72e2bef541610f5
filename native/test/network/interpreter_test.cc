#include "network/interpreter.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <set>

#include "network/batch_norm_folding.h"
#include "network/cut.h"
#include "network/graph.h"
#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "runtime/cancellation_scope.h"
#include "support/errors.h"
#include "support/small_networks.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// A network with a concatenation, a sum of values that skip, and a value that nobody reads.
Network branching() {
  Builder builder("branching", 3, 5);
  auto stem = builder.convolution("stem", builder.input(), {.in = 3, .out = 4, .bias = true});
  auto norm = builder.batch_norm("norm", stem, 4);
  auto relu = builder.step("relu", Relu{}, {norm});
  auto branch = builder.convolution("branch", relu, {.in = 4, .out = 6, .kernel = 1, .padding = 0});
  builder.step("unread", Relu{}, {branch});
  auto joined = builder.step("cat", Concatenate{1}, {relu, branch});
  auto pooled = builder.step("pool", MaxPool{}, {joined});
  auto again = builder.convolution("again", pooled, {.in = 10, .out = 10});
  auto second = builder.batch_norm("second", again, 10);
  auto sum = builder.step("sum", Add{}, {pooled, second});
  auto rectified = builder.step("last", Relu{}, {sum});
  auto flat =
      builder.step("flatten", Flatten{}, {builder.step("average", AdaptiveAveragePool{}, {rectified})});
  Network network = builder.finish(builder.linear("fc", flat, 10, 5), "relu", "last");
  seed_weights(network, 0);
  return network;
}

std::vector<Network> networks() {
  return {small_zoo_network("resnet18"), small_zoo_network("vgg11_bn"), branching()};
}

/// A copy that computes in a type and a layout.
Network converted(Network network, at::ScalarType type, at::MemoryFormat layout) {
  for (auto& [name, tensor] : network.parameters()) *tensor = tensor->to(type);
  network.to(at::kCPU, layout);
  return network;
}

Tensor images_of(at::ScalarType type, at::MemoryFormat layout) {
  return normal("images", {2, 3, 32, 32}).to(type).contiguous(layout);
}

/// Every value of a network, computed step by step in double precision and recorded by autograd.
struct Recorded {
  Network network;
  Values values;

  explicit Recorded(const Network& original)
      : network(converted(original, at::kDouble, at::MemoryFormat::Contiguous)), values(network.value_count) {
    at::AutoGradMode recording(true);
    values[network.input] = images_of(at::kDouble, at::MemoryFormat::Contiguous).requires_grad_();
    for (const auto& step : network.steps) {
      std::vector<Tensor> inputs;
      for (ValueId input : step.inputs) inputs.push_back(values[input]);
      values[step.output] = forward(step.operation, inputs, nullptr);
    }
  }

  Tensor logits() const { return values[network.output].detach(); }

  /// The gradient with respect to a value; undefined where the output doesn't depend on it.
  Tensor gradient(ValueId value, const Tensor& from_above) const {
    if (value == network.output) return from_above;
    return torch::autograd::grad({values[network.output]}, {values[value]}, {from_above}, true, false,
                                 true)[0];
  }
};

/// The name of the step that makes a value.
std::string name_of(const Network& network, ValueId value) {
  return maker_of(network, value)->name();
}

struct Precision {
  at::ScalarType type;
  at::MemoryFormat layout;
  double tolerance;
};

const Precision kPrecisions[] = {{at::kDouble, at::MemoryFormat::Contiguous, 1e-10},
                                 {at::kDouble, at::MemoryFormat::ChannelsLast, 1e-10},
                                 {at::kFloat, at::MemoryFormat::Contiguous, 1e-3},
                                 {at::kFloat, at::MemoryFormat::ChannelsLast, 1e-3}};

}  // namespace

TEST_CASE("the activations of all layers are those of the steps one by one") {
  for (const auto& original : networks()) {
    CAPTURE(original.architecture);
    Recorded expected(original);
    std::vector<ValueId> wanted;
    for (const auto& layer : original.layers) wanted.push_back(layer.value);
    for (const auto& [type, layout, tolerance] : kPrecisions) {
      Network network = converted(original, type, layout);
      Tensor images = images_of(type, layout);
      CHECK(relative_error(logits(network, images), expected.logits()) < tolerance);
      auto found = activations(network, images, wanted);
      for (size_t i = 0; i < found.size(); ++i) {
        CAPTURE(original.layers[i].name);
        CHECK(relative_error(found[i], expected.values[wanted[i]].detach()) < tolerance);
      }
    }
  }
}

TEST_CASE("cut at any layer, a network gives its logits and autograd's gradient") {
  for (const auto& original : networks()) {
    CAPTURE(original.architecture);
    Recorded expected(original);
    Tensor from_above = normal("from above", {2, 5});
    std::set<ValueId> cut_at;
    for (const auto& layer : original.layers) cut_at.insert(layer.value);
    for (const auto& [type, layout, tolerance] : kPrecisions) {
      Network network = converted(original, type, layout);
      for (ValueId value : cut_at) {
        Tensor gradient = expected.gradient(value, from_above);
        if (!gradient.defined()) continue;
        CAPTURE(name_of(network, value));
        CAPTURE(type);
        CAPTURE(layout);
        Cut cut(network, value);
        auto before = cut.before(images_of(type, layout));
        Interpreter::Tape tape;
        Tensor output = cut.after(before, before[value].clone(), &tape);
        CHECK(relative_error(output, expected.logits()) < tolerance);
        CHECK(relative_error(cut.backward(tape, from_above.to(type)), gradient) < tolerance);
      }
    }
  }
}

TEST_CASE("what lies before a cut stays as it is however often it goes on from there") {
  Network network = branching();
  Cut cut(network, network.layer("branch").value);
  auto before = cut.before(images_of(at::kFloat, at::MemoryFormat::ChannelsLast));
  Tensor value = before[cut.at()].clone();
  Tensor first = cut.after(before, value.clone());
  cut.after(before, at::zeros_like(value));
  Interpreter::Tape tape;
  cut.after(before, value.clone(), &tape);
  cut.backward(tape, at::ones({2, 5}));
  CHECK(at::equal(cut.after(before, value.clone()), first));
  CHECK(at::equal(before[cut.at()], value));
}

TEST_CASE("rows of the skipping values go with rows of the replacement") {
  Network network = branching();
  Cut cut(network, network.layer("branch").value);
  REQUIRE(cut.skipping().size() == 1);
  auto before = cut.before(images_of(at::kFloat, at::MemoryFormat::ChannelsLast));
  Tensor whole = cut.after(before, before[cut.at()].clone());
  Tensor rows = at::tensor({1, 0, 1}, at::kLong);
  Tensor chosen = cut.after(cut.select(before, rows), before[cut.at()].index_select(0, rows));
  CHECK(relative_error(chosen, whole.index_select(0, rows)) < 1e-5);
}

TEST_CASE("what is made of the number of images alone is made again for the rows after a cut") {
  Operator count;
  count.name = "aten::sym_size";
  count.makes_number = true;
  count.arguments.resize(1);
  count.arguments[0].form = OperatorArgument::Form::tensor;
  count.run = [](torch::jit::Stack& stack) {
    Tensor images = torch::jit::pop(stack).toTensor();
    stack.emplace_back(images.size(0));
  };
  // Two windows of each image, so that the mask has a row for each window rather than for each image.
  Operator mask;
  mask.name = "aten::arange";
  mask.arguments.resize(1);
  mask.arguments[0].form = OperatorArgument::Form::integer;
  mask.run = [](torch::jit::Stack& stack) {
    int64_t images = torch::jit::pop(stack).toInt();
    stack.emplace_back(at::arange(2, at::kFloat).repeat({images}));
  };
  Operator masked;
  masked.name = "aten::mul";
  masked.arguments.resize(2);
  for (size_t i = 0; i < 2; ++i) {
    masked.arguments[i].form = OperatorArgument::Form::tensor;
    masked.arguments[i].input = i;
  }
  masked.run = [](torch::jit::Stack& stack) {
    Tensor weights = torch::jit::pop(stack).toTensor(), activation = torch::jit::pop(stack).toTensor();
    stack.emplace_back(activation * weights.view({-1, 2, 1, 1}).select(1, 1).unsqueeze(1));
  };
  Builder builder("counting", 3, 5);
  auto counted = builder.step("count", count, {builder.input()});
  auto made = builder.step("mask", mask, {counted});
  auto cut_at = builder.convolution("stem", builder.input(), {.in = 3, .out = 4, .bias = true});
  auto flat = builder.step("flatten", Flatten{}, {builder.step("masked", masked, {cut_at, made})});
  Network network = builder.finish(builder.linear("fc", flat, 4 * 64, 5), "stem", "stem");
  seed_weights(network, 0);

  Tensor images = normal("images", {2, 3, 8, 8}).to(at::kFloat);
  Cut cut(network, cut_at);
  Values values = cut.before(images);
  Tensor rows = at::tensor({0, 0, 1, 1, 1}, at::kLong);
  Tensor found = cut.after(cut.select(values, rows), values[cut.at()].index_select(0, rows));
  CHECK(relative_error(found, logits(network, images).index_select(0, rows)) < 1e-6);
}

TEST_CASE("a step that has a rule goes back by it, also inside what is computed together") {
  Network network = converted(branching(), at::kDouble, at::MemoryFormat::ChannelsLast);
  size_t relu = 0;
  while (network.steps[relu].module != "relu") ++relu;
  StepRules rules(network.steps.size());
  bool had_inputs = false;
  rules[relu] =
      std::make_shared<const Rule>(Rule{[&](const Operation&, const StepState& state, const Tensor& above) {
                                          had_inputs = state.inputs.size() == 1;
                                          return std::vector<Tensor>{2 * above};
                                        },
                                        true});
  auto at = network.layer("norm").value, above = network.layer("relu").value;
  auto gradient = [&](ValueId value, StepRules chosen) {
    Cut cut(network, value, std::move(chosen));
    auto before = cut.before(images_of(at::kDouble, at::MemoryFormat::ChannelsLast));
    Interpreter::Tape tape;
    cut.after(before, before[value].clone(), &tape);
    return cut.backward(tape, at::ones({2, 5}, at::kDouble));
  };
  CHECK(relative_error(gradient(at, rules), 2 * gradient(above, {})) < 1e-12);
  CHECK(had_inputs);
}

TEST_CASE("a layer that the output doesn't depend on, and images that are too small, are refused by name") {
  Network network = branching();
  Cut cut(network, network.layer("unread").value);
  auto before = cut.before(images_of(at::kFloat, at::MemoryFormat::ChannelsLast));
  Interpreter::Tape tape;
  cut.after(before, before[cut.at()].clone(), &tape);
  CHECK(contains(message_of([&] { cut.backward(tape, at::ones({2, 5})); }), "Nothing connects the layer"));
  CHECK(code_of([&] { logits(network, at::zeros({1, 3, 1, 1})); }) == ErrorCode::model);
  CHECK(contains(message_of([&] { logits(network, at::zeros({1, 3, 1, 1})); }), "The step 'pool'"));
  CHECK(contains(message_of([&] { network.layer("rely"); }), "relu"));
}

TEST_CASE("work that was cancelled ends between two steps, forward and back") {
  Network network = branching();
  Cut cut(network, network.layer("relu").value);
  Cancellation cancellation;
  const CancellationScope scope(cancellation);
  auto before = cut.before(images_of(at::kFloat, at::MemoryFormat::ChannelsLast));
  Interpreter::Tape tape;
  Tensor output = cut.after(before, before[cut.at()].clone(), &tape);
  cancellation.cancel();
  CHECK(code_of([&] { cut.after(before, before[cut.at()].clone()); }) == ErrorCode::aborted);
  CHECK(code_of([&] { cut.backward(tape, at::ones_like(output)); }) == ErrorCode::aborted);
}

TEST_CASE("folded batch norms move the logits by rounding only") {
  for (const auto& original : networks()) {
    CAPTURE(original.architecture);
    Network folded = fold_batch_norms(original);
    auto images = images_of(at::kFloat, at::MemoryFormat::Contiguous);
    CHECK(relative_error(logits(folded, images), logits(original, images)) < 1e-4);
    for (const auto& step : folded.steps) CHECK_FALSE(std::holds_alternative<BatchNorm>(step.operation));
  }
}

TEST_CASE("values that a run alters change what comes behind them, and what goes back through them") {
  Network network = converted(branching(), at::kDouble, at::MemoryFormat::Contiguous);
  // Both would be computed together with what follows, and so never be seen.
  std::vector<ValueId> altered;
  for (const auto& step : network.steps) {
    if (step.module == "norm" || step.module == "second") altered.push_back(step.output);
  }
  REQUIRE(altered.size() == 2);
  auto alter = [](const Tensor& made) { return made.sin() * 3; };

  Tensor images = images_of(at::kDouble, at::MemoryFormat::Contiguous);
  Values recorded(network.value_count);
  {
    at::AutoGradMode recording(true);
    recorded[network.input] = images.clone().requires_grad_();
    for (const auto& step : network.steps) {
      std::vector<Tensor> inputs;
      for (ValueId input : step.inputs) inputs.push_back(recorded[input]);
      recorded[step.output] = forward(step.operation, inputs, nullptr);
      if (std::find(altered.begin(), altered.end(), step.output) != altered.end())
        recorded[step.output] = alter(recorded[step.output]);
    }
  }
  Tensor from_above = normal("from above", {2, 5});
  Tensor expected =
      torch::autograd::grad({recorded[network.output]}, {recorded[network.input]}, {from_above})[0];

  Cut cut(network, network.input, {}, altered);
  Values seen(network.value_count);
  Alterations alterations;
  for (ValueId value : altered) {
    alterations.push_back(
        {value,
         [&seen, value, alter](const Tensor& made) {
           seen[value] = made.clone();
           return alter(made);
         },
         [&seen, value](const Tensor& gradient) { return gradient * seen[value].cos() * 3; }});
  }
  Interpreter::Tape tape;
  Tensor outputs = cut.after(cut.before(images), images, &tape, alterations);
  CHECK(relative_error(outputs, recorded[network.output].detach()) < 1e-12);
  CHECK(relative_error(cut.backward(tape, from_above, alterations), expected) < 1e-12);
}

}  // namespace iba::test
