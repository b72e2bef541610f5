#pragma once

#include <string>
#include <vector>

#include "network/network.h"
#include "network/rule.h"

namespace iba {

/// Where in a network an entry of a rule table holds.
enum class Place {
  anywhere,
  /// The first operations with weights on the way from the input.
  first_weights
};

/// A line of a rule table: steps of this kind, at this place, follow this rule. An empty rule means the
/// derivative.
struct RuleEntry {
  std::string kind;
  Rule rule;
  Place place = Place::anywhere;
};

/// The rules of one method as data. The first entry that fits a step counts.
struct RuleTable {
  std::string name;
  std::vector<RuleEntry> entries;
  /// Whether a step that no entry fits is an error rather than left to the derivative.
  bool complete = false;
};

/// The table's rule for each step of the network. Throws MODEL naming the operation that a complete table
/// lacks.
StepRules resolve(const RuleTable& table, const Network& network);

}  // namespace iba
