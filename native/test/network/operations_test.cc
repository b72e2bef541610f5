#include <doctest/doctest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "network/operation.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// An operation, its inputs' shapes, and what PyTorch calls it.
struct Case {
  Operation operation;
  std::vector<std::vector<int64_t>> shapes;
  std::function<Tensor(const std::vector<Tensor>&)> reference;
};

struct Settings {
  Pair stride{1, 1};
  Pair padding{0, 0};
  Pair dilation{1, 1};
  int64_t groups = 1;
};

Case convolution_case(at::IntArrayRef weight, const Settings& settings, const std::vector<int64_t>& shape) {
  Convolution op{normal("weight", weight), Tensor(),          settings.stride,
                 settings.padding,         settings.dilation, settings.groups};
  if (op.groups == 1) op.bias = normal("bias", {weight[0]});
  return {op, {shape}, [op](const auto& x) {
            return at::conv2d(x[0], op.weight, op.bias, op.stride, op.padding, op.dilation, op.groups);
          }};
}

Case batch_norm_case() {
  BatchNorm op{normal("weight", {4}), normal("bias", {4}), normal("mean", {4}),
               normal("var", {4}).abs() + 0.5};
  return {op, {{2, 4, 5, 5}}, [op](const auto& x) {
            return at::batch_norm(x[0], op.weight, op.bias, op.running_mean, op.running_var, false, 0,
                                  op.epsilon, false);
          }};
}

/// What the Python package `efficientnet_lite_pytorch` puts around images of this size.
Case same_pad_case(const Pair& kernel, const Pair& stride, const std::vector<int64_t>& shape) {
  auto zeros = [=](size_t side) {
    const double extent = static_cast<double>(shape[2 + side]), step = static_cast<double>(stride[side]);
    const int64_t places = static_cast<int64_t>(std::ceil(extent / step));
    return std::max<int64_t>((places - 1) * stride[side] + (kernel[side] - 1) + 1 - shape[2 + side], 0);
  };
  const int64_t high = zeros(0), wide = zeros(1);
  return {SamePad{kernel, stride}, {shape}, [=](const auto& x) {
            return at::constant_pad_nd(x[0], {wide / 2, wide - wide / 2, high / 2, high - high / 2}) * 1;
          }};
}

Case operator_case() {
  Operator op;
  op.name = "aten::gelu";
  op.run = [](torch::jit::Stack& stack) { stack.back() = at::gelu(stack.back().toTensor()); };
  OperatorArgument self;
  self.name = "self";
  self.form = OperatorArgument::Form::tensor;
  op.arguments = {self};
  return {op, {{2, 3, 4, 4}}, [](const auto& x) { return at::gelu(x[0]); }};
}

std::vector<Case> cases() {
  const std::vector<int64_t> image{2, 4, 7, 6};
  auto same = [](const auto& x) { return x[0] * 1; };
  return {
      convolution_case({5, 4, 3, 3}, {.padding = {1, 1}}, image),
      convolution_case({5, 4, 2, 3}, {.stride = {2, 1}, .dilation = {1, 2}}, image),
      convolution_case({4, 2, 3, 3}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 2}, image),
      convolution_case({6, 4, 1, 1}, {}, image),
      {Linear{normal("weight", {5, 7}), normal("bias", {5})},
       {{2, 7}},
       [](const auto& x) {
         return at::linear(x[0], normal("weight", {5, 7}), normal("bias", {5}));
       }},
      batch_norm_case(),
      {Relu{}, {image}, [](const auto& x) { return at::relu(x[0]); }},
      {Relu{0.5}, {image}, [](const auto& x) { return at::hardtanh(x[0], 0, 0.5); }},
      same_pad_case({3, 3}, {2, 2}, {2, 4, 8, 6}),
      same_pad_case({5, 3}, {2, 2}, {2, 4, 7, 6}),
      same_pad_case({1, 2}, {2, 3}, {2, 4, 7, 9}),
      {MaxPool{{3, 2}, {2, 2}, {1, 0}, {1, 1}, true},
       {image},
       [](const auto& x) {
         return at::max_pool2d(x[0], {3, 2}, {2, 2}, {1, 0}, {1, 1}, true);
       }},
      {AveragePool{{3, 3}, {2, 2}, {1, 1}, true, false},
       {image},
       [](const auto& x) {
         return at::avg_pool2d(x[0], {3, 3}, {2, 2}, {1, 1}, true, false);
       }},
      {AdaptiveAveragePool{{1, 1}},
       {image},
       [](const auto& x) {
         return at::adaptive_avg_pool2d(x[0], {1, 1});
       }},
      {AdaptiveAveragePool{{3, 4}},
       {image},
       [](const auto& x) {
         return at::adaptive_avg_pool2d(x[0], {3, 4});
       }},
      {AdaptiveAveragePool{{7, 6}}, {image}, same},
      {Add{}, {image, image}, [](const auto& x) { return x[0] + x[1]; }},
      {Concatenate{1}, {image, {2, 3, 7, 6}}, [](const auto& x) { return at::cat(x, 1); }},
      {Concatenate{-1}, {{2, 3, 4}, {2, 3, 5}}, [](const auto& x) { return at::cat(x, -1); }},
      {Flatten{}, {image}, [](const auto& x) { return x[0].flatten(1); }},
      {Dropout{}, {image}, same},
      {Identity{}, {image}, same},
      operator_case(),
  };
}

/// Inputs as they lie in memory in either layout.
std::vector<Tensor> inputs_of(const Case& one, at::MemoryFormat layout) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < one.shapes.size(); ++i) {
    Tensor input = normal("input " + std::to_string(i), one.shapes[i]);
    inputs.push_back(input.dim() == 4 ? input.contiguous(layout) : input);
  }
  return inputs;
}

}  // namespace

TEST_CASE("every operation goes forward and back as autograd does") {
  for (const auto& one : cases()) {
    for (auto layout : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
      const std::string name = kind(one.operation);
      CAPTURE(name);
      CAPTURE(layout);
      auto leaves = inputs_of(one, layout);
      for (auto& leaf : leaves) leaf.requires_grad_();
      Tensor expected = one.reference(leaves);
      Tensor from_above = normal("from above", expected.sizes());
      auto gradients = torch::autograd::grad({expected}, leaves, {from_above});

      StepState state;
      CHECK(relative_error(forward(one.operation, inputs_of(one, layout), &state), expected.detach()) <
            1e-12);
      CHECK(relative_error(forward(one.operation, inputs_of(one, layout), nullptr), expected.detach()) <
            1e-12);
      auto found = backward(one.operation, state, from_above.clone());
      REQUIRE(found.size() == leaves.size());
      for (size_t i = 0; i < found.size(); ++i) CHECK(relative_error(found[i], gradients[i]) < 1e-12);
    }
  }
}

TEST_CASE("inputs that somebody else sees are not overwritten") {
  for (const auto& one : cases()) {
    const std::string name = kind(one.operation);
    CAPTURE(name);
    auto inputs = inputs_of(one, at::MemoryFormat::ChannelsLast);
    auto before = inputs_of(one, at::MemoryFormat::ChannelsLast);
    forward(one.operation, inputs, nullptr);
    for (size_t i = 0; i < inputs.size(); ++i) CHECK(at::equal(inputs[i], before[i]));
  }
}

}  // namespace iba::test
