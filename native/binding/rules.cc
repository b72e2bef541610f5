#include "arguments.h"
#include "attribution/patterns.h"
#include "attribution/rules/lrp_rules.h"
#include "module.h"

namespace iba::binding {

namespace {

/// {data: Float64Array, shape} as a tensor in double precision.
Tensor tensor_argument(const Napi::Value& value, const char* name) {
  auto object = object_argument(value, name);
  auto shape = shape_argument(object["shape"]);
  return double_tensor_argument(object["data"], shape, name);
}

Pair pair_argument(const Napi::Value& value, const char* name) {
  auto array = array_argument(value, name);
  if (array.Length() != 2)
    throw Error("INVALID_ARGUMENT", std::string("Expected two numbers for ") + name + ".");
  return {integer_argument(array[0u], name, 0, 4096), integer_argument(array[1u], name, 0, 4096)};
}

Operation operation_argument(const Napi::Value& value) {
  auto object = object_argument(value, "operation");
  auto name = string_argument(object["kind"], "kind");
  if (name == "add") return Add{};
  if (name == "average-pool") return AdaptiveAveragePool{pair_argument(object["size"], "size")};
  Tensor weight = tensor_argument(object["weight"], "weight");
  Tensor bias = tensor_argument(object["bias"], "bias");
  if (name == "linear") return Linear{weight, bias};
  if (name != "convolution") throw Error("INVALID_ARGUMENT", "There is no rule for a '" + name + "'.");
  Convolution convolution;
  convolution.weight = weight;
  convolution.bias = bias;
  convolution.stride = pair_argument(object["stride"], "stride");
  convolution.padding = pair_argument(object["padding"], "padding");
  convolution.groups = integer_argument(object["groups"], "groups", 1, 4096);
  return convolution;
}

std::vector<double> numbers_argument(const Napi::Value& value, const char* name) {
  auto array = array_argument(value, name);
  std::vector<double> numbers;
  for (uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(number_argument(array[i], name));
  return numbers;
}

Rule rule_argument(const Napi::Value& value) {
  auto object = object_argument(value, "rule");
  auto name = string_argument(object["name"], "name");
  double epsilon = number_argument(object["epsilon"], "epsilon", 0, 1e9);
  if (name == "sum") return sum_rule(epsilon);
  if (name == "average-pool") return average_pool_rule(epsilon);
  if (name == "box") {
    return linear_rule(
        box_rule(numbers_argument(object["low"], "low"), numbers_argument(object["high"], "high"), epsilon));
  }
  bool biases = boolean_argument(object["biases"], "biases");
  if (name == "epsilon") return linear_rule(epsilon_rule(epsilon, biases));
  if (name == "gamma") {
    return linear_rule(gamma_rule(number_argument(object["gamma"], "gamma", 0, 1e9), epsilon, biases));
  }
  if (name == "alpha-beta") {
    return linear_rule(alpha_beta_rule(number_argument(object["beta"], "beta", -1e9, 1e9), epsilon, biases));
  }
  throw Error("INVALID_ARGUMENT", "There is no rule '" + name + "'.");
}

/// (operation, rule, inputs, relevance) in double precision → the relevance of each input.
Napi::Value propagate(const Napi::CallbackInfo& info) {
  at::NoGradGuard no_grad;
  auto env = info.Env();
  Operation operation = operation_argument(info[0]);
  Rule rule = rule_argument(info[1]);
  auto given = array_argument(info[2], "inputs");
  StepState state;
  for (uint32_t i = 0; i < given.Length(); ++i) {
    state.inputs.push_back(tensor_argument(given[i], "input"));
    state.input_shapes.emplace_back(state.inputs.back().sizes());
  }
  if (state.inputs.empty() || (std::holds_alternative<Add>(operation) && state.inputs.size() != 2)) {
    throw Error("INVALID_ARGUMENT", "Expected as many inputs as the operation reads.");
  }
  auto parts = rule.backward(operation, state, tensor_argument(info[3], "relevance"));
  auto result = Napi::Array::New(env);
  for (const auto& part : parts) result.Set(result.Length(), to_double_array(env, part));
  return result;
}

/// (operation, inputs) in double precision → the pattern of each of its neurons.
Napi::Value fit_pattern(const Napi::CallbackInfo& info) {
  at::NoGradGuard no_grad;
  Operation operation = operation_argument(info[0]);
  Tensor inputs = tensor_argument(info[1], "inputs");
  Tensor weight;
  visit_parameters(operation, [&](const char* name, const Tensor& tensor) {
    if (name == std::string("weight")) weight = tensor;
  });
  if (!weight.defined()) throw Error("INVALID_ARGUMENT", "Expected an operation with weights.");
  LayerPatterns patterns;
  patterns.update(operation, inputs, forward(operation, {inputs}, nullptr));
  return to_double_array(info.Env(), patterns.pattern(weight));
}

}  // namespace

void export_rules(Napi::Object exports) {
  export_function<propagate>(exports, "propagateRelevance");
  export_function<fit_pattern>(exports, "fitPattern");
}

}  // namespace iba::binding
