#include "attribution/rules/rule_table.h"

#include <algorithm>

#include "error.h"
#include "io/text.h"
#include "network/graph.h"

namespace iba {

namespace {

/// For each step whether no other operation with weights lies between it and the input.
std::vector<bool> first_steps_with_weights(const Network& network) {
  std::vector<bool> behind_weights(network.value_count, false);
  std::vector<bool> first;
  for (const auto& step : network.steps) {
    bool behind = std::any_of(step.inputs.begin(), step.inputs.end(),
                              [&](ValueId input) { return behind_weights[input]; });
    bool has_weights = weights_of(step.operation).has_value();
    first.push_back(has_weights && !behind);
    behind_weights[step.output] = behind || has_weights;
  }
  return first;
}

[[noreturn]] void refuse(const RuleTable& table, const Network& network, const Step& step) {
  std::vector<std::string> known;
  for (const auto& entry : table.entries) {
    if (std::find(known.begin(), known.end(), entry.kind) == known.end()) known.push_back(entry.kind);
  }
  throw Error(ErrorCode::model, "The rules '" + table.name + "' have none for the operation '" +
                                    kind(step.operation) + "' of the step '" + step.name() + "' of this " +
                                    network.architecture + ". They know: " + io::joined(known) +
                                    ". Choose another composite, such as attn-lrp for transformers, or a "
                                    "method without such rules.");
}

}  // namespace

StepRules resolve(const RuleTable& table, const Network& network) {
  auto first = first_steps_with_weights(network);
  auto from_input = values_computed_from(network, network.input, Through::gradients);
  auto to_output = values_needed_for(network, {network.output}, Through::gradients);
  std::vector<std::shared_ptr<const Rule>> shared;
  for (const auto& entry : table.entries) {
    shared.push_back(entry.rule.backward ? std::make_shared<const Rule>(entry.rule) : nullptr);
  }
  StepRules rules(network.steps.size());
  for (size_t i = 0; i < network.steps.size(); ++i) {
    ValueId output = network.steps[i].output;
    if (!from_input[output] || !to_output[output]) continue;
    auto name = kind(network.steps[i].operation);
    auto entry = std::find_if(table.entries.begin(), table.entries.end(), [&](const RuleEntry& candidate) {
      return candidate.kind == name && (candidate.place == Place::anywhere || first[i]);
    });
    if (entry != table.entries.end()) {
      rules[i] = shared[static_cast<size_t>(entry - table.entries.begin())];
    } else if (table.complete) {
      refuse(table, network, network.steps[i]);
    }
  }
  return rules;
}

}  // namespace iba
