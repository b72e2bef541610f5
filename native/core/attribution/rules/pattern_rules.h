#pragma once

#include "attribution/patterns.h"
#include "network/rule.h"

namespace iba {

/// What goes back through a layer with weights w and patterns a: the signal, by a (PatternNet), or its
/// attribution, by w·a elementwise (PatternAttribution).
enum class PatternUse { signal, attribution };

/// The derivative of an operation with other weights.
Rule weights_rule(const Tensor& weights);

/// For each layer of the network (with folded batch norms) the rule with its pattern; everything else follows
/// the derivative. Throws PATTERNS where a layer has no pattern of its shape.
StepRules pattern_rules(const Network& folded, const ModelPatterns& patterns, PatternUse use);

}  // namespace iba
