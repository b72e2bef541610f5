#include "import/outputs.h"

#include <algorithm>

#include "import/chosen_output.h"
#include "import/native_operator.h"
#include "network/graph.h"
#include "network/interpreter.h"

namespace iba {

namespace {

constexpr double kSameOutput = 1e-4;

constexpr const char* kLabelsNote =
    "The model ends with a sigmoid of each output: they are taken for labels that may hold together, and "
    "what "
    "the sigmoids are computed from for their logits.";

bool are_close(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && at::allclose(a, b, kSameOutput, kSameOutput);
}

/// A function that models end with in place of giving logits.
struct Ending {
  std::vector<std::string> operators;
  Tensor (*apply)(const Tensor& logits);
  const char* note;
  /// Whether each output has a probability of its own.
  bool is_of_each = false;
};

const std::vector<Ending>& endings() {
  static const std::vector<Ending> kEndings = {
      {{"aten::softmax", "aten::_softmax", "aten::special_softmax"},
       [](const Tensor& logits) { return at::softmax(logits, 1); },
       "The model ends with a softmax. What it is computed from is taken as its logits."},
      {{"aten::log_softmax", "aten::_log_softmax", "aten::special_log_softmax"},
       [](const Tensor& logits) { return at::log_softmax(logits, 1); },
       "The model ends with the logarithm of a softmax. What it is computed from is taken as its logits."},
      {{"aten::sigmoid", "aten::special_expit"},
       [](const Tensor& logits) { return at::sigmoid(logits); },
       "The model ends with a sigmoid. What it is computed from is taken as its logit.",
       true}};
  return kEndings;
}

const Ending* ending_of(const Operation& operation) {
  const auto* op = std::get_if<Operator>(&operation);
  if (!op) return nullptr;
  for (const auto& ending : endings()) {
    const auto& names = ending.operators;
    if (std::find(names.begin(), names.end(), op->name) != names.end()) return &ending;
  }
  return nullptr;
}

/// The network with its last step of those left out, if the rest only passes its result on.
std::optional<Network> without_step(const Network& network, size_t index) {
  Network rest = network;
  const Step& left_out = network.steps[index];
  if (left_out.inputs.empty()) return std::nullopt;
  ValueId before = left_out.inputs[0], after = left_out.output;
  rest.steps.erase(rest.steps.begin() + static_cast<std::ptrdiff_t>(index));
  for (auto& step : rest.steps) std::replace(step.inputs.begin(), step.inputs.end(), after, before);
  if (rest.output == after) rest.output = before;
  std::erase_if(rest.layers, [&](const Layer& layer) { return layer.value == after; });
  return rest;
}

bool are_probabilities(const Tensor& outputs) {
  if (outputs.size(1) == 1) return false;
  Tensor sums = outputs.sum(1);
  return (outputs >= 0).all().item<bool>() && are_close(sums, at::ones_like(sums));
}

Operator elementwise(const std::string& name, const std::vector<OperatorArgument>& more) {
  auto op = imported::find_operator(name, "");
  OperatorArgument input;
  input.name = "self";
  input.form = OperatorArgument::Form::tensor;
  std::vector<OperatorArgument> arguments{input};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return {name, op->run, std::move(arguments), std::nullopt, false};
}

/// Adds the logarithm of the outputs, which is finite where a probability is zero.
void add_logarithm(Network& network) {
  OperatorArgument least;
  least.name = "min";
  least.constant = at::Scalar(static_cast<double>(std::numeric_limits<float>::min()));
  network.output = network.add("logits.clamp_min", elementwise("aten::clamp_min", {least}), {network.output});
  network.output = network.add("logits.log", elementwise("aten::log", {}), {network.output});
}

}  // namespace

void take_logits(Network& network, std::optional<OutputKind> kind, const Tensor& images,
                 const Tensor& outputs) {
  network.outputs = kind.value_or(OutputKind::classes);
  if (kind == OutputKind::values || kind == OutputKind::embedding) return;
  for (size_t i = network.steps.size(); i-- > 0;) {
    const Ending* ending = ending_of(network.steps[i].operation);
    if (!ending) continue;
    auto rest = without_step(network, i);
    if (!rest || !are_close(ending->apply(logits(*rest, images)), outputs)) break;
    network = std::move(*rest);
    if (!kind && ending->is_of_each && outputs.size(1) > 1) {
      network.outputs = OutputKind::labels;
      network.notes.emplace_back(kLabelsNote);
    } else {
      network.notes.emplace_back(ending->note);
    }
    return;
  }
  if (network.outputs != OutputKind::classes || !are_probabilities(outputs)) return;
  add_logarithm(network);
  network.notes.emplace_back(
      "The model gives probabilities. Their logarithms are taken as its logits: what is explained is the "
      "logarithm of a class's probability.");
}

}  // namespace iba
