#include "attribution/rules/gradient_rules.h"

#include <algorithm>
#include <optional>
#include <set>

#include "attribution/rules/operator_arguments.h"
#include "error.h"
#include "io/text.h"
#include "network/graph.h"

namespace iba {

namespace {

/// The function max(0, x), bounded from above or not.
struct RectifiedLinear {
  std::optional<double> bound;
};

std::optional<RectifiedLinear> rectified_linear(const Operation& operation) {
  if (const auto* relu = std::get_if<Relu>(&operation)) return RectifiedLinear{relu->limit};
  const auto* op = std::get_if<Operator>(&operation);
  if (!op) return std::nullopt;
  bool is_threshold = op->name == "aten::threshold" && number_argument(*op, "threshold") == 0.0;
  if (is_threshold && number_argument(*op, "value") == 0.0) return RectifiedLinear{};
  if (op->name == "aten::clamp_min" && number_argument(*op, "min") == 0.0) return RectifiedLinear{};
  if (op->name == "aten::clamp" && number_argument(*op, "min") == 0.0)
    return RectifiedLinear{number_argument(*op, "max")};
  return std::nullopt;
}

/// What networks have in place of ReLUs: for great inputs they pass these on, for small ones little or
/// nothing.
bool is_like_relu(const std::string& kind) {
  static const std::set<std::string> kKinds = {"leaky-relu", "prelu", "-prelu-kernel", "rrelu",
                                               "elu",        "selu",  "celu",          "silu",
                                               "gelu",       "mish",  "hardswish",     "softplus"};
  return kKinds.contains(kind);
}

bool is_other_activation(const std::string& kind) {
  return kind == "hardtanh" || kind == "tanh" || kind == "log-sigmoid";
}

struct MakeRules {
  Rule (*of_relu)(const RectifiedLinear&);
  Rule (*of_like)();
};

ReluRules resolve(const std::string& method, const Network& network, const MakeRules& make) {
  auto from_input = values_computed_from(network, network.input, Through::gradients);
  auto to_output = values_needed_for(network, {network.output}, Through::gradients);
  ReluRules found;
  found.rules.resize(network.steps.size());
  std::set<std::string> others;
  bool has_rule = false;
  for (size_t i = 0; i < network.steps.size(); ++i) {
    const Step& step = network.steps[i];
    if (!from_input[step.output] || !to_output[step.output]) continue;
    std::string name = kind(step.operation);
    if (auto relu = rectified_linear(step.operation)) {
      found.rules[i] = std::make_shared<const Rule>(make.of_relu(*relu));
      has_rule = true;
    } else if (is_like_relu(name)) {
      found.rules[i] = std::make_shared<const Rule>(make.of_like());
      has_rule = true;
      ++found.like_relu;
    } else if (is_other_activation(name)) {
      others.insert(name);
      ++found.without_rule;
    }
  }
  if (has_rule) return found;
  std::string instead = others.empty() ? "" : ": it has " + io::joined({others.begin(), others.end()});
  throw Error(ErrorCode::model, method +
                                    " changes the way back through ReLUs and their like, of which this " +
                                    network.architecture + " has none" + instead +
                                    ". Its map would be the plain gradient: choose gradient, or a method "
                                    "that needs no ReLUs.");
}

}  // namespace

ReluRules guided_backprop_rules(const Network& network) {
  auto of_relu = [](const RectifiedLinear&) {
    return Rule{[](const Operation& operation, const StepState& state, const Tensor& gradient) {
      return backward(operation, state, at::relu(gradient));
    }};
  };
  auto of_like = [] {
    return Rule{[](const Operation& operation, const StepState& state, const Tensor& gradient) {
      return backward(operation, state, at::relu(gradient).mul_(state.output.detach().gt(0)));
    }};
  };
  return resolve("Guided backpropagation", network, {of_relu, of_like});
}

ReluRules deconvnet_rules(const Network& network) {
  auto of_relu = [](const RectifiedLinear& relu) {
    return Rule{[bound = relu.bound](const Operation&, const StepState& state, const Tensor& gradient) {
      Tensor positive = at::relu(gradient);
      if (bound) positive.mul_(state.output.lt(*bound));
      return std::vector<Tensor>{positive};
    }};
  };
  auto of_like = [] {
    return Rule{[](const Operation&, const StepState& state, const Tensor& gradient) {
      std::vector<Tensor> passed(state.input_shapes.size());
      passed[0] = at::relu(gradient);
      return passed;
    }};
  };
  return resolve("DeconvNet", network, {of_relu, of_like});
}

void add_checks(const ReluRules& rules, Attribution& attribution) {
  auto add = [&](const char* name, size_t count) {
    if (count > 0) attribution.checks.emplace_back(name, static_cast<double>(count));
  };
  add("activationsLikeRelu", rules.like_relu);
  add("activationsWithoutRule", rules.without_rule);
}

}  // namespace iba
