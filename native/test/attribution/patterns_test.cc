#include "attribution/patterns.h"

#include <doctest/doctest.h>

#include "network/operation.h"
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
Tensor fitted(const Operation& operation, const std::vector<Tensor>& batches) {
  LayerPatterns patterns;
  for (const auto& inputs : batches) {
    LayerPatterns part;
    part.update(operation, inputs, forward(operation, {inputs}, nullptr));
    patterns.merge(part);
  }
  return patterns.pattern(weight_of(operation));
}

/// What each neuron of an operation sees: its patches (patches, size).
std::vector<Tensor> patches_of(const Operation& operation, const Tensor& inputs) {
  if (const auto* linear = std::get_if<Linear>(&operation))
    return std::vector<Tensor>(static_cast<size_t>(linear->weight.size(0)), inputs);
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

/// a = (E₊[xy] − E₊[x]·E[y]) / wᵀ(…), neuron by neuron.
Tensor naive_pattern(const Operation& operation, const Tensor& bias, const Tensor& inputs) {
  Tensor weight = weight_of(operation);
  auto patches = patches_of(operation, inputs);
  Tensor pattern = at::empty_like(weight);
  for (int64_t neuron = 0; neuron < weight.size(0); ++neuron) {
    const Tensor& x = patches[static_cast<size_t>(neuron)];
    Tensor w = weight[neuron].flatten();
    Tensor y = at::mv(x, w) + bias[neuron];
    Tensor active = (y > 0).to(at::kDouble), count = active.sum();
    Tensor covariance = at::mv(x.t(), y * active) / count - at::mv(x.t(), active) / count * y.mean();
    pattern[neuron].copy_((covariance / at::dot(covariance, w)).view(weight[neuron].sizes()));
  }
  return pattern;
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
  for (const auto& [operation, shape] : {Case{Linear{normal("weight", {5, 7}), normal("bias", {5})}, {6, 7}},
                                         Case{convolution({4, 3, 3, 3}, {1, 1}, {1, 1}, 1), {6, 3, 5, 6}},
                                         Case{convolution({2, 3, 2, 3}, {2, 1}, {0, 0}, 1), {6, 3, 5, 6}},
                                         Case{convolution({4, 2, 3, 3}, {2, 2}, {1, 1}, 2), {6, 4, 5, 6}}}) {
    CAPTURE(shape);
    Tensor weight = weight_of(operation), inputs = normal("data", shape);
    Tensor found = fitted(operation, {inputs.slice(0, 0, 4), inputs.slice(0, 4)});
    CHECK(relative_error(found, naive_pattern(operation, normal("bias", {weight.size(0)}), inputs)) < 1e-9);
    Tensor products = (weight * found).flatten(1).sum(1);
    CHECK(greatest_difference(products, at::ones_like(products)) < 1e-9);
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
  Tensor found = fitted(Linear{weight, at::zeros(1, at::kDouble)}, {inputs});
  CHECK(relative_error(found[0], direction) < 0.01);
  CHECK(relative_error(weight[0], direction) > 0.3);
}

}  // namespace iba::test
