#include "attribution/rules/rule_table.h"

#include <algorithm>
#include <map>

#include "error.h"

namespace iba {

namespace {

bool has_weights(const Step& step) {
  return std::holds_alternative<Convolution>(step.operation) ||
         std::holds_alternative<Linear>(step.operation);
}

/// For each step whether no other operation with weights lies between it and the input.
std::vector<bool> first_steps_with_weights(const Network& network) {
  std::vector<bool> behind_weights(network.value_count, false);
  std::vector<bool> first;
  for (const auto& step : network.steps) {
    bool behind = std::any_of(step.inputs.begin(), step.inputs.end(),
                              [&](ValueId input) { return behind_weights[input]; });
    first.push_back(has_weights(step) && !behind);
    behind_weights[step.output] = behind || has_weights(step);
  }
  return first;
}

/// For each step whether a gradient may pass it on the way from the output to the input.
std::vector<bool> steps_on_the_way(const Network& network) {
  std::vector<bool> from_input(network.value_count, false), to_output(network.value_count, false);
  from_input[network.input] = true;
  to_output[network.output] = true;
  for (const auto& step : network.steps) {
    const auto* op = std::get_if<Operator>(&step.operation);
    if (op && op->makes_number) continue;
    for (ValueId input : step.inputs) from_input[step.output] = from_input[step.output] || from_input[input];
  }
  std::vector<bool> on_the_way(network.steps.size(), false);
  for (size_t i = network.steps.size(); i-- > 0;) {
    const Step& step = network.steps[i];
    on_the_way[i] = from_input[step.output] && to_output[step.output];
    if (!on_the_way[i]) continue;
    for (ValueId input : step.inputs) to_output[input] = true;
  }
  return on_the_way;
}

[[noreturn]] void refuse(const RuleTable& table, const Network& network, const Step& step) {
  std::string known;
  std::map<std::string, bool> kinds;
  for (const auto& entry : table.entries) {
    if (!kinds.emplace(entry.kind, true).second) continue;
    known += (known.empty() ? "" : ", ") + entry.kind;
  }
  throw Error("MODEL", "The rules '" + table.name + "' have none for the operation '" + kind(step.operation) +
                           "' of the step '" + step.name() + "' of this " + network.architecture +
                           ". They know: " + known +
                           ". Choose a method without such rules for this network.");
}

}  // namespace

StepRules resolve(const RuleTable& table, const Network& network) {
  auto first = first_steps_with_weights(network);
  auto on_the_way = steps_on_the_way(network);
  std::vector<std::shared_ptr<const Rule>> shared;
  for (const auto& entry : table.entries) {
    shared.push_back(entry.rule.backward ? std::make_shared<const Rule>(entry.rule) : nullptr);
  }
  StepRules rules(network.steps.size());
  for (size_t i = 0; i < network.steps.size(); ++i) {
    if (!on_the_way[i]) continue;
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
