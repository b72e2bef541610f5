#pragma once

#include <string>
#include <vector>

#include "attribution/rules/rule_table.h"

namespace iba {

/// What the composites are made with.
struct LrpSettings {
  double epsilon;
  double gamma;
  double linear_gamma;
  double beta;
  bool biases;
  /// The smallest and the greatest value of each channel of an image.
  std::vector<double> low = {};
  std::vector<double> high = {};
};

/// "epsilon-gamma-box", "epsilon", "gamma", "z-plus", "alpha1-beta0", "alpha2-beta1", "alpha-beta" for
/// any β, "attn-lrp" and "cp-lrp" for transformers, and zennit's "epsilon-plus-flat" and
/// "epsilon-alpha2-beta1-flat".
const std::vector<std::string>& lrp_composite_names();

/// The composite as a rule table for a network with folded batch norms. Throws INVALID_ARGUMENT for an
/// unknown name, or where bounds are needed and missing.
RuleTable lrp_composite(const std::string& name, const LrpSettings& settings);

}  // namespace iba
