#include "attribution/rules/gradient_rules.h"

#include <algorithm>
#include <optional>
#include <set>

#include "error.h"
#include "io/text.h"
#include "network/graph.h"

namespace iba {

namespace {

/// A number among an operator's arguments. Absent where it is none, or one that is computed.
std::optional<double> number(const Operator& op, const std::string& name) {
  for (const auto& argument : op.arguments) {
    bool is_number = argument.name == name && argument.form == OperatorArgument::Form::constant &&
                     argument.constant.isScalar();
    if (is_number) return argument.constant.toScalar().toDouble();
  }
  return std::nullopt;
}

/// The function max(0, x), bounded from above or not.
struct RectifiedLinear {
  std::optional<double> bound;
};

std::optional<RectifiedLinear> rectified_linear(const Operation& operation) {
  if (const auto* relu = std::get_if<Relu>(&operation)) return RectifiedLinear{relu->limit};
  const auto* op = std::get_if<Operator>(&operation);
  if (!op) return std::nullopt;
  bool is_threshold = op->name == "aten::threshold" && number(*op, "threshold") == 0.0;
  if (is_threshold && number(*op, "value") == 0.0) return RectifiedLinear{};
  if (op->name == "aten::clamp_min" && number(*op, "min") == 0.0) return RectifiedLinear{};
  if (op->name == "aten::clamp" && number(*op, "min") == 0.0) return RectifiedLinear{number(*op, "max")};
  return std::nullopt;
}

/// What networks have in place of ReLUs.
bool is_other_activation(const Operation& operation) {
  static const std::set<std::string> kKinds = {"leaky-relu", "prelu", "rrelu",    "elu",        "selu",
                                               "celu",       "silu",  "gelu",     "mish",       "hardtanh",
                                               "hardswish",  "tanh",  "softplus", "log-sigmoid"};
  return kKinds.contains(kind(operation));
}

using MakeRule = Rule (*)(const RectifiedLinear&);

ReluRules resolve(const std::string& method, const Network& network, MakeRule make) {
  auto from_input = values_computed_from(network, network.input, Through::gradients);
  auto to_output = values_needed_for(network, {network.output}, Through::gradients);
  ReluRules found;
  found.rules.resize(network.steps.size());
  std::set<std::string> others;
  bool has_relu = false;
  for (size_t i = 0; i < network.steps.size(); ++i) {
    const Step& step = network.steps[i];
    if (!from_input[step.output] || !to_output[step.output]) continue;
    if (auto relu = rectified_linear(step.operation)) {
      found.rules[i] = std::make_shared<const Rule>(make(*relu));
      has_relu = true;
    } else if (is_other_activation(step.operation)) {
      others.insert(kind(step.operation));
      ++found.without_rule;
    }
  }
  if (has_relu) return found;
  std::string instead = others.empty() ? "" : ": it has " + io::joined({others.begin(), others.end()});
  throw Error(ErrorCode::model, method + " changes the way back through ReLUs, of which this " +
                                    network.architecture + " has none" + instead +
                                    ". Its map would be the plain gradient: choose gradient, or a method "
                                    "that needs no ReLUs.");
}

}  // namespace

ReluRules guided_backprop_rules(const Network& network) {
  return resolve("Guided backpropagation", network, [](const RectifiedLinear&) {
    return Rule{[](const Operation& operation, const StepState& state, const Tensor& gradient) {
      return backward(operation, state, at::relu(gradient));
    }};
  });
}

ReluRules deconvnet_rules(const Network& network) {
  return resolve("DeconvNet", network, [](const RectifiedLinear& relu) {
    return Rule{[bound = relu.bound](const Operation&, const StepState& state, const Tensor& gradient) {
      Tensor positive = at::relu(gradient);
      if (bound) positive.mul_(state.output.lt(*bound));
      return std::vector<Tensor>{positive};
    }};
  });
}

void add_check(size_t without_rule, Attribution& attribution) {
  if (without_rule == 0) return;
  attribution.checks.emplace_back("activationsWithoutRule", static_cast<double>(without_rule));
}

}  // namespace iba
