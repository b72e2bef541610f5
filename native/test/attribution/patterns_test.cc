#include "attribution/patterns.h"

#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include "attribution/passes.h"
#include "attribution/rules/pattern_rules.h"
#include "network/batch_norm_folding.h"
#include "network/operation.h"
#include "network/seeded_weights.h"
#include "network/zoo/builder.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

Tensor weight_of(const Operation& operation) {
  Tensor weight;
  visit_parameters(operation, [&](const std::string& name, const Tensor& tensor) {
    if (name == "weight") weight = tensor;
  });
  return weight;
}

/// The patterns of an operation from batches of its inputs.
Tensor fitted(const Operation& operation, Neurons neurons, const std::vector<Tensor>& batches) {
  LayerPatterns patterns;
  for (const auto& inputs : batches) {
    LayerPatterns part;
    part.update(operation, neurons, inputs, forward(operation, {inputs}, nullptr));
    patterns.merge(part);
  }
  return patterns.pattern(weight_of(operation));
}

/// What each neuron of an operation sees: its patches (patches, size).
std::vector<Tensor> patches_of(const Operation& operation, const Tensor& inputs) {
  if (const auto* linear = std::get_if<Linear>(&operation))
    return std::vector<Tensor>(static_cast<size_t>(linear->weight.size(0)), inputs.flatten(0, -2));
  const auto& op = std::get<Convolution>(operation);
  int64_t per_group = op.weight.size(0) / op.groups;
  std::vector<Tensor> patches;
  for (int64_t neuron = 0; neuron < op.weight.size(0); ++neuron) {
    Tensor seen =
        inputs.slice(1, neuron / per_group * op.weight.size(1), (neuron / per_group + 1) * op.weight.size(1));
    Tensor columns = at::im2col(seen, op.weight.sizes().slice(2), op.dilation, op.padding, op.stride);
    patches.push_back(columns.transpose(1, 2).flatten(0, 1));
  }
  return patches;
}

/// Neuron by neuron: a = (E₊[xy] − E₊[x]·E[y]) / wᵀ(…) of rectified ones, cov(x, y) / var(y) of linear ones.
Tensor naive_pattern(const Operation& operation, Neurons neurons, const Tensor& bias, const Tensor& inputs) {
  Tensor weight = weight_of(operation);
  auto patches = patches_of(operation, inputs);
  Tensor pattern = at::empty_like(weight);
  for (int64_t neuron = 0; neuron < weight.size(0); ++neuron) {
    const Tensor& x = patches[static_cast<size_t>(neuron)];
    Tensor w = weight[neuron].flatten();
    Tensor y = at::mv(x, w) + bias[neuron];
    if (neurons == Neurons::linear) {
      Tensor deviation = y - y.mean();
      Tensor covariance = at::mv((x - x.mean(0, true)).t(), deviation);
      pattern[neuron].copy_((covariance / at::dot(deviation, deviation)).view(weight[neuron].sizes()));
      continue;
    }
    Tensor active = (y > 0).to(at::kDouble), count = active.sum();
    Tensor covariance = at::mv(x.t(), y * active) / count - at::mv(x.t(), active) / count * y.mean();
    pattern[neuron].copy_((covariance / at::dot(covariance, w)).view(weight[neuron].sizes()));
  }
  return pattern;
}

/// A network, in double precision, with a batch norm, a shortcut, and layers that are rectified at once,
/// later, in part, or never.
Network with_shortcut() {
  Builder builder("with a shortcut", 3, 5);
  auto stem = builder.batch_norm(
      "norm", builder.convolution("stem", builder.input(), {.in = 3, .out = 4, .bias = true}), 4);
  auto first = builder.step("relu", Relu{}, {builder.step("dropout", Dropout{}, {stem})});
  auto pooled = builder.step(
      "relu of pool", Relu{},
      {builder.step("pool", MaxPool{}, {builder.convolution("before pool", first, {.in = 4, .out = 4})})});
  auto branch = builder.convolution("before sum", pooled, {.in = 4, .out = 4});
  auto sum = builder.step("relu of sum", Relu{}, {builder.step("sum", Add{}, {branch, pooled})});
  auto twice = builder.convolution("read twice", sum, {.in = 4, .out = 4});
  auto both = builder.step("both", Add{}, {builder.step("relu of one", Relu{}, {twice}), twice});
  auto flat = builder.step("flatten", Flatten{}, {builder.step("average", AdaptiveAveragePool{}, {both})});
  Network network = builder.finish(builder.linear("fc", flat, 4, 5), "relu", "relu of sum");
  seed_weights(network, 0);
  for (auto& [name, tensor] : network.parameters()) *tensor = tensor->to(at::kDouble);
  return network;
}

/// PatternAttribution by autograd: a layer gives what it gives, and hands back what w·a in place of w would.
Tensor naive_attribution(const Network& folded, const ModelPatterns& patterns, const Tensor& images,
                         int64_t target) {
  at::AutoGradMode recording(true);
  Tensor leaf = images.detach().clone().requires_grad_();
  std::vector<Tensor> values(folded.value_count);
  values[folded.input] = leaf;
  for (const auto& step : folded.steps) {
    std::vector<Tensor> inputs;
    for (ValueId input : step.inputs) inputs.push_back(values[input]);
    Tensor& output = values[step.output];
    output = forward(step.operation, inputs, nullptr);
    auto weights = weights_of(step.operation);
    if (!weights) continue;
    Tensor products = weights->weight * patterns.layers.at(step.name()).pattern(weights->weight);
    Tensor way_back = forward(with_weights(step.operation, {products, {}}), inputs, nullptr);
    output = output.detach() + way_back - way_back.detach();
  }
  return torch::autograd::grad({values[folded.output].select(1, target).sum()}, {leaf})[0];
}

}  // namespace

TEST_CASE("patterns equal the naive form, and weights times patterns are 1") {
  auto convolution = [](at::IntArrayRef shape, Pair stride, Pair padding, int64_t groups) {
    Convolution operation;
    operation.weight = normal("weight", shape);
    operation.bias = normal("bias", {shape[0]});
    operation.stride = stride;
    operation.padding = padding;
    operation.groups = groups;
    return operation;
  };
  struct Case {
    Operation operation;
    std::vector<int64_t> input;
  };
  for (const auto& [operation, shape] :
       {Case{Linear{normal("weight", {5, 7}), normal("bias", {5})}, {6, 7}},
        Case{Linear{normal("weight", {5, 7}), normal("bias", {5})}, {6, 4, 7}},
        Case{Linear{normal("weight", {5, 7}), normal("bias", {5})}, {6, 5, 3, 7}},
        Case{convolution({4, 3, 3, 3}, {1, 1}, {1, 1}, 1), {6, 3, 5, 6}},
        Case{convolution({2, 3, 2, 3}, {2, 1}, {0, 0}, 1), {6, 3, 5, 6}},
        Case{convolution({4, 2, 3, 3}, {2, 2}, {1, 1}, 2), {6, 4, 5, 6}}}) {
    CAPTURE(shape);
    Tensor weight = weight_of(operation), inputs = normal("data", shape);
    for (Neurons neurons : {Neurons::rectified, Neurons::linear}) {
      Tensor found = fitted(operation, neurons, {inputs.slice(0, 0, 4), inputs.slice(0, 4)});
      Tensor expected = naive_pattern(operation, neurons, normal("bias", {weight.size(0)}), inputs);
      CHECK(relative_error(found, expected) < 1e-9);
      Tensor products = (weight * found).flatten(1).sum(1);
      CHECK(greatest_difference(products, at::ones_like(products)) < 1e-9);
    }
  }
}

TEST_CASE("the direction of a signal is found among distractors to 1 %") {
  // x = a·s + distractor, and the weights filter the distractor out (Kindermans et al. 2018, section 2).
  Tensor direction = doubles({1, -0.5, 2, 0.25});
  Tensor distractor = doubles({0.5, 1, 0.5, -2});
  Tensor weight = doubles({0.6, 0, 0.2, 0.2});
  weight = weight - at::dot(weight, distractor) / at::dot(distractor, distractor) * distractor;
  weight = (weight / at::dot(weight, direction)).unsqueeze(0);
  Tensor inputs =
      at::outer(normal("signal", {200'000}), direction) + at::outer(normal("noise", {200'000}), distractor);
  Tensor found = fitted(Linear{weight, at::zeros(1, at::kDouble)}, Neurons::rectified, {inputs});
  CHECK(relative_error(found[0], direction) < 0.01);
  CHECK(relative_error(weight[0], direction) > 0.3);
}

TEST_CASE("neurons whose values go on unrectified get the estimator of linear neurons") {
  Network network = with_shortcut();
  Network folded = fold_batch_norms(network);
  Tensor images = normal("images", {6, 3, 12, 12});

  ModelPatterns patterns = make_patterns(network, "");
  update_patterns(patterns, folded, images, std::vector<std::string>(6, "image"));

  const std::map<std::string, Neurons> expected = {{"stem", Neurons::rectified},
                                                   {"before pool", Neurons::rectified},
                                                   {"before sum", Neurons::linear},
                                                   {"read twice", Neurons::linear},
                                                   {"fc", Neurons::linear}};
  std::vector<Tensor> values(folded.value_count);
  values[folded.input] = images;
  for (const auto& step : folded.steps) {
    std::vector<Tensor> inputs;
    for (ValueId input : step.inputs) inputs.push_back(values[input]);
    values[step.output] = forward(step.operation, inputs, nullptr);
    auto weights = weights_of(step.operation);
    if (!weights) continue;
    CAPTURE(step.name());
    Tensor bias = weights->bias.defined()
                      ? weights->bias
                      : at::zeros({weights->weight.size(0)}, at::TensorOptions(at::kDouble));
    Tensor naive = naive_pattern(step.operation, expected.at(step.name()), bias, inputs[0]);
    CHECK(relative_error(patterns.layers.at(step.name()).pattern(weights->weight), naive) < 1e-9);
  }
}

TEST_CASE("PatternAttribution goes back as autograd does with weights times patterns") {
  Network network = with_shortcut();
  Network folded = fold_batch_norms(network);
  Tensor images = normal("images", {6, 3, 12, 12});
  for (Estimator estimator : {Estimator::two_component, Estimator::linear}) {
    ModelPatterns patterns = make_patterns(network, "", estimator);
    update_patterns(patterns, folded, images, std::vector<std::string>(6, "image"));
    BackwardPass pass(folded, folded.input, pattern_rules(folded, patterns, PatternUse::attribution));
    Tensor found = pass.run(images, {Target::of_class(2)});
    CHECK(relative_error(found, naive_attribution(folded, patterns, images, 2)) < 1e-10);
  }
}

}  // namespace iba::test
