#include "network/tokens.h"

#include <set>

#include "error.h"

namespace iba {

namespace {

/// Whether the same ids come out, in another shape or type.
bool passes_ids(const Operation& operation) {
  static const std::set<std::string> kKinds = {"flatten", "reshape", "view",       "unsqueeze", "squeeze",
                                               "to",      "to-copy", "contiguous", "clone",     "identity"};
  std::string name = kind(operation);
  while (name.starts_with('-')) name.erase(0, 1);
  return kKinds.contains(name);
}

const OperatorArgument* argument_of(const Operator& op, const char* name) {
  for (const auto& argument : op.arguments) {
    if (argument.name == name) return &argument;
  }
  return nullptr;
}

}  // namespace

bool takes_tokens(const Network& network) {
  return network.input_channels == 0;
}

std::optional<TokenTable> find_token_table(const Network& network) {
  std::vector<bool> holds_ids(network.value_count, false);
  holds_ids[network.input] = true;
  for (const auto& step : network.steps) {
    if (step.inputs.empty() || !holds_ids[step.inputs[0]]) continue;
    holds_ids[step.output] = passes_ids(step.operation);
    const auto* op = std::get_if<Operator>(&step.operation);
    if (!op || op->name != "aten::embedding") continue;
    const auto* table = argument_of(*op, "weight");
    if (table && table->form == OperatorArgument::Form::parameter && step.inputs.size() == 1)
      return TokenTable{table->parameter.size(0), step.output};
  }
  return std::nullopt;
}

ValueId first_differentiable(const Network& network) {
  if (!takes_tokens(network)) return network.input;
  auto table = find_token_table(network);
  if (!table) throw Error(ErrorCode::model, "The network looks its token ids up in no table.");
  return table->embedded;
}

}  // namespace iba
