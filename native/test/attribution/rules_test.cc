#include <doctest/doctest.h>

#include <cmath>

#include "attribution/rules/lrp_rules.h"
#include "network/operation.h"
#include "support/errors.h"
#include "support/tensors.h"

namespace iba::test {

namespace {

/// An operation with weights, in double precision, and the shape of its input.
struct Case {
  std::string name;
  Operation operation;
  std::vector<int64_t> input;
};

Operation convolution(at::IntArrayRef weight, Pair stride, Pair padding, int64_t groups) {
  Convolution operation;
  std::string shape;
  for (int64_t extent : weight) shape += (shape.empty() ? " " : ",") + std::to_string(extent);
  operation.weight = normal("weight" + shape, weight);
  operation.bias = normal("bias" + shape, {weight[0]});
  operation.stride = stride;
  operation.padding = padding;
  operation.groups = groups;
  return operation;
}

std::vector<Case> cases() {
  return {{"linear", Linear{normal("weight", {5, 7}), normal("bias", {5})}, {1, 7}},
          {"convolution", convolution({4, 3, 3, 3}, {1, 1}, {1, 1}, 1), {1, 3, 5, 6}},
          {"strides, no padding", convolution({2, 3, 2, 3}, {2, 1}, {0, 0}, 1), {1, 3, 5, 6}},
          {"groups", convolution({4, 2, 3, 3}, {2, 2}, {1, 1}, 2), {1, 4, 5, 6}}};
}

/// What an operation makes, and with another weight and bias.
Tensor apply(const Operation& operation, const Tensor& x, bool with_bias) {
  if (const auto* linear = std::get_if<Linear>(&operation))
    return at::linear(x, linear->weight, with_bias ? linear->bias : Tensor());
  const auto& op = std::get<Convolution>(operation);
  return at::conv2d(x, op.weight, with_bias ? op.bias : Tensor(), op.stride, op.padding, op.dilation,
                    op.groups);
}

/// An operation as a matrix: each output is a sum over all inputs, and a bias.
struct Dense {
  Tensor weights;  // (outputs, inputs)
  Tensor bias;     // (outputs)
  std::vector<int64_t> output_shape;
};

Dense dense_form(const Case& one) {
  auto inputs = at::zeros(one.input, at::kDouble).numel();
  auto shape = one.input;
  shape[0] = inputs;
  Tensor units = at::eye(inputs, at::kDouble).view(shape);
  Tensor bias = apply(one.operation, at::zeros(one.input, at::kDouble), true);
  return {apply(one.operation, units, false).flatten(1).t().contiguous(), bias.flatten(), bias.sizes().vec()};
}

Tensor above_zero(const Tensor& values) {
  return values.clamp_min(0);
}

Tensor below_zero(const Tensor& values) {
  return values.clamp_max(0);
}

/// R_i = Σ_j z_ij / D(Σ_i z_ij + z_0j) · R_j, for contributions z (outputs, inputs) and constants z_0.
Tensor shared(const Tensor& z, const Tensor& constants, const Tensor& relevance, double epsilon) {
  Tensor sums = z.sum(1) + constants;
  Tensor divisor = at::where(sums == 0, at::ones_like(sums), sums);
  divisor = divisor + epsilon * divisor.sign();
  return (z / divisor.unsqueeze(1) * relevance.unsqueeze(1)).sum(0);
}

/// A rule of the library and the same written out, from a matrix, inputs (inputs) and relevances (outputs).
struct RuleCase {
  std::string name;
  LrpRule rule;
  std::function<Tensor(const Dense&, const Tensor& x, const Tensor& relevance)> naive;
};

RuleCase epsilon_case(double epsilon, bool biases) {
  return {"epsilon", epsilon_rule(epsilon, biases),
          [=](const Dense& dense, const Tensor& x, const Tensor& r) {
            return shared(dense.weights * x, dense.bias * static_cast<double>(biases), r, epsilon);
          }};
}

RuleCase gamma_case(double gamma, double epsilon, bool biases) {
  return {
      "gamma", gamma_rule(gamma, epsilon, biases), [=](const Dense& dense, const Tensor& x, const Tensor& r) {
        // The contributions of the output's sign count more.
        Tensor outputs = at::mv(dense.weights, x) + dense.bias;
        auto handed = [&](bool above) {
          auto favoured = above ? above_zero : below_zero, other = above ? below_zero : above_zero;
          auto raised = [&](const Tensor& values, auto part) { return values + gamma * part(values); };
          Tensor z =
              raised(dense.weights, favoured) * above_zero(x) + raised(dense.weights, other) * below_zero(x);
          Tensor constants = raised(dense.bias * static_cast<double>(biases), favoured);
          Tensor taken = r * (above ? outputs > 0 : outputs < 0);
          return shared(z, constants, taken, epsilon);
        };
        return handed(true) + handed(false);
      }};
}

RuleCase alpha_beta_case(double beta, double epsilon, bool biases) {
  return {"alpha-beta", alpha_beta_rule(beta, epsilon, biases),
          [=](const Dense& dense, const Tensor& x, const Tensor& r) {
            const auto& w = dense.weights;
            Tensor bias = dense.bias * static_cast<double>(biases);
            Tensor up = above_zero(w) * above_zero(x) + below_zero(w) * below_zero(x);
            Tensor down = below_zero(w) * above_zero(x) + above_zero(w) * below_zero(x);
            return shared(up, above_zero(bias), (1 + beta) * r, epsilon) +
                   shared(down, below_zero(bias), -beta * r, epsilon);
          }};
}

RuleCase box_case(const std::vector<int64_t>& input) {
  const std::vector<double> lows{-2, -1.5, -3, -2}, highs{2.5, 3, 2, 2};
  auto channels = static_cast<size_t>(input[1]);
  std::vector<double> low(lows.begin(), lows.begin() + static_cast<std::ptrdiff_t>(channels));
  std::vector<double> high(highs.begin(), highs.begin() + static_cast<std::ptrdiff_t>(channels));
  return {"box", box_rule(low, high, 1e-6), [=](const Dense& dense, const Tensor& x, const Tensor& r) {
            auto bound = [&](const std::vector<double>& values) {
              Tensor per_channel = at::tensor(values, at::kDouble).view({1, input[1], 1, 1});
              return per_channel.expand(input).reshape({-1});
            };
            const auto& w = dense.weights;
            Tensor z = w * x - above_zero(w) * bound(low) - below_zero(w) * bound(high);
            return shared(z, at::zeros_like(dense.bias), r, 1e-6);
          }};
}

RuleCase flat_case() {
  return {"flat", flat_rule(1e-6), [](const Dense& dense, const Tensor&, const Tensor& r) {
            return shared((dense.weights != 0).to(at::kDouble), at::zeros_like(dense.bias), r, 1e-6);
          }};
}

/// One of LibTorch's operators of two activations, or of one and a constant.
Operation operator_of(const std::string& name, std::function<Tensor(const Tensor&, const Tensor&)> compute,
                      const Tensor& constant = {}) {
  Operator op;
  op.name = name;
  op.run = [compute](torch::jit::Stack& stack) {
    Tensor second = torch::jit::pop(stack).toTensor(), first = torch::jit::pop(stack).toTensor();
    stack.emplace_back(compute(first, second));
  };
  OperatorArgument first, second;
  first.form = second.form = OperatorArgument::Form::tensor;
  second.input = 1;
  if (constant.defined()) {
    second.form = OperatorArgument::Form::parameter;
    second.parameter = constant;
  }
  op.arguments = {first, second};
  return op;
}

/// What a rule hands down through an operator, which keeps its own graph.
std::vector<Tensor> hand_down_operator(const Rule& rule, const Operation& operation,
                                       const std::vector<Tensor>& inputs, const Tensor& relevance) {
  at::NoGradGuard no_grad;
  StepState state;
  forward(operation, inputs, &state);
  return rule.backward(operation, state, relevance);
}

Tensor hand_down(const Rule& rule, const Operation& operation, std::vector<Tensor> inputs,
                 const Tensor& relevance, size_t input = 0) {
  StepState state;
  for (const auto& tensor : inputs) state.input_shapes.emplace_back(tensor.sizes());
  state.inputs = std::move(inputs);
  return rule.backward(operation, state, relevance)[input];
}

}  // namespace

TEST_CASE("every rule equals its naive form on every operation with weights") {
  for (const auto& one : cases()) {
    std::vector<RuleCase> rules;
    for (bool biases : {true, false}) {
      rules.push_back(epsilon_case(0.1, biases));
      rules.push_back(gamma_case(0.3, 1e-3, biases));
      for (double beta : {0.0, 1.0, -1.0})
        rules.push_back(alpha_beta_case(beta, beta < 0 ? 5 : 1e-3, biases));
    }
    rules.push_back(flat_case());
    if (one.input.size() == 4) rules.push_back(box_case(one.input));
    Dense dense = dense_form(one);
    Tensor relevance = normal("relevance", dense.output_shape);
    for (const auto& [name, rule, naive] : rules) {
      // Inputs of both signs, and those that come out of a ReLU.
      for (bool rectified : {false, true}) {
        CAPTURE(one.name);
        CAPTURE(name);
        CAPTURE(rectified);
        Tensor x = normal("input", one.input);
        if (rectified) x = x.relu();
        Tensor found = hand_down(linear_rule(rule), one.operation, {x}, relevance);
        Tensor expected = naive(dense, x.flatten(), relevance.flatten()).view(one.input);
        CHECK(relative_error(found, expected) < 1e-10);
      }
    }
  }
}

TEST_CASE("without biases and with a small ε relevance is kept by every rule that shares all of it") {
  for (auto one : cases()) {
    // γ is defined by the output's sign, which decides with the bias: with biases of 0 the two agree.
    visit_parameters(one.operation, [](const std::string& name, Tensor& tensor) {
      if (name == "bias") tensor = at::zeros_like(tensor);
    });
    Tensor relevance = normal("relevance", dense_form(one).output_shape);
    for (const auto& rule : {epsilon_rule(1e-12, false), gamma_rule(0.25, 1e-12, false),
                             alpha_beta_rule(0, 1e-12, false), alpha_beta_rule(1, 1e-12, false)}) {
      CAPTURE(one.name);
      Tensor found = hand_down(linear_rule(rule), one.operation, {normal("input", one.input)}, relevance);
      CHECK(relative_error(found.sum(), relevance.sum()) < 1e-8);
    }
  }
}

TEST_CASE("bounds that don't fit the channels are refused") {
  auto one = cases()[1];
  auto rule = linear_rule(box_rule({-1, -1}, {1, 1}, 1e-6));
  Tensor relevance = normal("relevance", dense_form(one).output_shape);
  CHECK(contains(message_of([&] { hand_down(rule, one.operation, {normal("input", one.input)}, relevance); }),
                 "each of the input's 3 channels for low and high, but there are 2"));
}

TEST_CASE("a sum shares relevance by contribution") {
  Tensor a = normal("a", {1, 2, 3, 3}), b = normal("b", {1, 2, 3, 3}), relevance = normal("r", {1, 2, 3, 3});
  for (size_t part : {0u, 1u}) {
    Tensor found = hand_down(sum_rule(0), Add{}, {a, b}, relevance, part);
    CHECK(relative_error(found, (part == 0 ? a : b) / (a + b) * relevance) < 1e-12);
  }
}

TEST_CASE(
    "sums and differences by operators share relevance by contribution, and a constant takes its part") {
  Tensor a = normal("a", {2, 3, 4}), b = normal("b", {2, 1, 4}), relevance = normal("r", {2, 3, 4});
  auto difference = [](const Tensor& x, const Tensor& y) { return x - 2 * y; };
  auto both = hand_down_operator(sum_rule(0), operator_of("aten::sub", difference), {a, b}, relevance);
  Tensor s = relevance / (a - 2 * b);
  CHECK(relative_error(both[0], a * s) < 1e-12);
  CHECK(relative_error(both[1], (-2 * b * s).sum(1, true)) < 1e-12);
  auto one = hand_down_operator(sum_rule(0), operator_of("aten::sub", difference, b), {a}, relevance);
  CHECK(one.size() == 1);
  CHECK(relative_error(one[0], a * s) < 1e-12);
}

TEST_CASE("means and enlargements by operators share relevance by contribution") {
  Tensor x = normal("x", {2, 3, 4, 4}), relevance = normal("r", {2, 3});
  auto mean = operator_of(
      "aten::mean",
      [](const Tensor& a, const Tensor&) {
        return a.mean({2, 3});
      },
      at::zeros({1}));
  auto found = hand_down_operator(sum_rule(0), mean, {x}, relevance);
  CHECK(relative_error(found[0], x / x.sum({2, 3}, true) * relevance.view({2, 3, 1, 1})) < 1e-12);

  auto enlarge = operator_of(
      "aten::upsample_nearest2d",
      [](const Tensor& a, const Tensor&) {
        return at::upsample_nearest2d(a, {8, 8}, std::nullopt, std::nullopt);
      },
      at::zeros({1}));
  Tensor large = normal("large", {2, 3, 8, 8});
  // Each place takes what its four copies have.
  auto taken = hand_down_operator(sum_rule(0), enlarge, {x}, large);
  CHECK(relative_error(taken[0], at::avg_pool2d(large, {2, 2}) * 4) < 1e-12);
}

TEST_CASE("what is gated takes all relevance, its gate none, and factors of one size half each") {
  Tensor x = normal("x", {2, 3, 4, 4}), gate = normal("gate", {2, 3, 1, 1}).sigmoid(),
         relevance = normal("r", {2, 3, 4, 4});
  auto product = [](const Tensor& a, const Tensor& b) { return a * b; };
  auto quotient = [](const Tensor& a, const Tensor& b) { return a / b; };
  auto mul = operator_of("aten::mul", product), div = operator_of("aten::div", quotient);

  auto gated = hand_down_operator(gate_rule(), mul, {x, gate}, relevance);
  CHECK(at::equal(gated[0], relevance));
  CHECK(at::equal(gated[1], at::zeros_like(gate)));
  auto swapped = hand_down_operator(gate_rule(), mul, {gate, x}, relevance);
  CHECK(at::equal(swapped[0], at::zeros_like(gate)));
  CHECK(at::equal(swapped[1], relevance));
  for (const auto& half : hand_down_operator(gate_rule(), mul, {x, normal("other", {2, 3, 4, 4})}, relevance))
    CHECK(at::equal(half, relevance / 2));
  CHECK(at::equal(hand_down_operator(gate_rule(), operator_of("aten::mul", product, gate), {x}, relevance)[0],
                  relevance));
  auto divided = hand_down_operator(gate_rule(), div, {x, normal("divisor", {2, 3, 4, 4})}, relevance);
  CHECK(at::equal(divided[0], relevance));
  CHECK(at::equal(divided[1], at::zeros_like(x)));
  // Both are broadcast: each takes half, summed over what it was broadcast to.
  auto outer = hand_down_operator(gate_rule(), mul,
                                  {normal("row", {2, 3, 4, 1}), normal("column", {2, 3, 1, 4})}, relevance);
  CHECK(relative_error(outer[0], relevance.sum(3, true) / 2) < 1e-12);
  CHECK(relative_error(outer[1], relevance.sum(2, true) / 2) < 1e-12);
}

TEST_CASE("softmax hands relevance down by its expansion") {
  Tensor x = normal("x", {2, 5}), relevance = normal("r", {2, 5}), shares = x.softmax(1);
  auto softmax = operator_of(
      "aten::softmax", [](const Tensor& a, const Tensor&) { return a.softmax(1); }, at::zeros({1}));
  auto found = hand_down_operator(softmax_rule(), softmax, {x}, relevance);
  CHECK(relative_error(found[0], x * (relevance - shares * relevance.sum(1, true))) < 1e-12);
}

TEST_CASE("a layer norm hands relevance down as if its standard deviation were a constant") {
  Tensor x = normal("x", {2, 5, 6}), relevance = normal("r", {2, 5, 6});
  Tensor weight = normal("weight", {6}), bias = normal("bias", {6});
  Operator op;
  op.name = "aten::layer_norm";
  op.run = [](torch::jit::Stack& stack) {
    auto arguments = torch::jit::pop(stack, 5);
    stack.emplace_back(at::layer_norm(arguments[0].toTensor(), {6}, arguments[2].toTensor(),
                                      arguments[3].toTensor(), arguments[4].toDouble()));
  };
  op.arguments.resize(5);
  for (size_t i = 0; const char* name : {"input", "normalized_shape", "weight", "bias", "eps"})
    op.arguments[i++].name = name;
  op.arguments[0].form = OperatorArgument::Form::tensor;
  op.arguments[1].constant = std::vector<int64_t>{6};
  op.arguments[2].form = op.arguments[3].form = OperatorArgument::Form::parameter;
  op.arguments[2].parameter = weight;
  op.arguments[3].parameter = bias;
  op.arguments[4].constant = 1e-5;

  Tensor deviation = (x.var(-1, false, true) + 1e-5).sqrt();
  // Each output as a sum over the inputs, whose weights are 1 − 1/6 for its own and −1/6 for all others.
  Tensor centring = at::eye(6, at::kDouble) - 1.0 / 6;
  for (bool biases : {true, false}) {
    Tensor z = x.unsqueeze(-1) * centring * (weight / deviation).unsqueeze(-2);  // (..., input, output)
    Tensor total = z.sum(-2) + static_cast<double>(biases) * bias;
    Tensor expected = (z * (relevance / total).unsqueeze(-2)).sum(-1);
    auto found = hand_down_operator(layer_norm_rule(0, biases), op, {x}, relevance);
    CHECK(relative_error(found[0], expected) < 1e-10);
  }
}

TEST_CASE(
    "a matrix product shares relevance by contribution: evenly, all to the second, or all to the input") {
  Tensor a = normal("a", {2, 3, 4}), b = normal("b", {2, 4, 5}), relevance = normal("r", {2, 3, 5});
  auto product = [](const Tensor& x, const Tensor& y) { return at::matmul(x, y); };
  Tensor z = a.unsqueeze(3) * b.unsqueeze(1);  // (2, 3, 4, 5)
  Tensor handed = z * (relevance / z.sum(2)).unsqueeze(2);
  Tensor to_a = handed.sum(3), to_b = handed.sum(1);
  auto matmul = operator_of("aten::matmul", product);
  auto even = hand_down_operator(matrix_product_rule(0, ProductShares::even), matmul, {a, b}, relevance);
  CHECK(relative_error(even[0], to_a / 2) < 1e-10);
  CHECK(relative_error(even[1], to_b / 2) < 1e-10);
  auto second = hand_down_operator(matrix_product_rule(0, ProductShares::second), matmul, {a, b}, relevance);
  CHECK(!second[0].defined());
  CHECK(relative_error(second[1], to_b) < 1e-10);
  auto one = operator_of("aten::matmul", product, b);
  for (auto shares : {ProductShares::even, ProductShares::second}) {
    auto alone = hand_down_operator(matrix_product_rule(0, shares), one, {a}, relevance);
    CHECK(relative_error(alone[0], to_a) < 1e-10);
  }
}

TEST_CASE("attention in one operation hands relevance down as its products and its softmax do apart") {
  Tensor q = normal("q", {2, 2, 4, 3}), k = normal("k", {2, 2, 4, 3}), v = normal("v", {2, 2, 4, 3}),
         relevance = normal("r", {2, 2, 4, 3});
  auto product = [](const Tensor& x, const Tensor& y) { return at::matmul(x, y); };
  auto matmul = operator_of("aten::matmul", product);
  auto softmax = operator_of(
      "aten::softmax", [](const Tensor& a, const Tensor&) { return a.softmax(-1); }, at::zeros({1}));
  Tensor scaled = q / std::sqrt(3), columns = k.transpose(-2, -1);
  Tensor scores = at::matmul(scaled, columns);

  Operator attention;
  attention.name = "aten::scaled_dot_product_attention";
  attention.run = [](torch::jit::Stack& stack) {
    auto inputs = torch::jit::pop(stack, 3);
    stack.emplace_back(
        at::scaled_dot_product_attention(inputs[0].toTensor(), inputs[1].toTensor(), inputs[2].toTensor()));
  };
  attention.arguments.resize(3);
  for (size_t i = 0; const char* name : {"query", "key", "value"}) {
    attention.arguments[i].name = name;
    attention.arguments[i].form = OperatorArgument::Form::tensor;
    attention.arguments[i].input = i;
    ++i;
  }

  auto even = matrix_product_rule(0, ProductShares::even);
  auto above = hand_down_operator(even, matmul, {scores.softmax(-1), v}, relevance);
  auto between = hand_down_operator(softmax_rule(), softmax, {scores}, above[0]);
  auto below = hand_down_operator(even, matmul, {scaled, columns}, between[0]);
  auto found = hand_down_operator(attention_rule(0, ProductShares::even), attention, {q, k, v}, relevance);
  CHECK(relative_error(found[0], below[0]) < 1e-9);
  CHECK(relative_error(found[1], below[1].transpose(-2, -1)) < 1e-9);
  CHECK(relative_error(found[2], above[1]) < 1e-9);

  auto conservative =
      hand_down_operator(attention_rule(0, ProductShares::second), attention, {q, k, v}, relevance);
  CHECK(!conservative[0].defined());
  CHECK(!conservative[1].defined());
  CHECK(relative_error(conservative[2].sum(), relevance.sum()) < 1e-9);
  CHECK(!hand_down_operator(stop_rule(), softmax, {scores}, above[0])[0].defined());
}

TEST_CASE("an average pool shares relevance by contribution, and changes nothing where it changes no size") {
  Tensor input = normal("input", {1, 2, 4, 4}), relevance = normal("relevance", {1, 2, 1, 1});
  Tensor found = hand_down(average_pool_rule(0), AdaptiveAveragePool{{1, 1}}, {input}, relevance);
  CHECK(relative_error(found, input / input.sum({2, 3}, true) * relevance) < 1e-10);
  Tensor same = normal("same", {1, 2, 4, 4});
  CHECK(at::equal(hand_down(average_pool_rule(0), AdaptiveAveragePool{{4, 4}}, {input}, same), same));
}

TEST_CASE("a batch norm hands relevance down by its scaled input") {
  BatchNorm norm{normal("weight", {3}), normal("bias", {3}), normal("mean", {3}),
                 normal("var", {3}).abs() + 1};
  Tensor x = normal("input", {2, 3, 4, 4}), relevance = normal("relevance", {2, 3, 4, 4});
  Tensor output = at::batch_norm(x, norm.weight, norm.bias, norm.running_mean, norm.running_var, false, 0,
                                 norm.epsilon, false);
  Tensor scale = (norm.weight / (norm.running_var + norm.epsilon).sqrt()).view({1, 3, 1, 1});
  CHECK(relative_error(hand_down(batch_norm_rule(0, true), norm, {x}, relevance),
                       x * scale / output * relevance) < 1e-10);
  CHECK(relative_error(hand_down(batch_norm_rule(0, false), norm, {x}, relevance), relevance) < 1e-10);
}

TEST_CASE("an activation function passes relevance on") {
  Tensor relevance = normal("relevance", {1, 4});
  CHECK(at::equal(hand_down(pass_rule(), Relu{}, {normal("input", {1, 4})}, relevance), relevance));
}

}  // namespace iba::test
