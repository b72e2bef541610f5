#include "attribution/rules/lrp_composites.h"

#include "attribution/rules/lrp_rules.h"
#include "error.h"
#include "io/text.h"

namespace iba {

namespace {

/// What all composites have in common: everything but the operations with weights.
std::vector<RuleEntry> common_entries(const LrpSettings& settings) {
  std::vector<RuleEntry> entries = {
      {"average-pool", average_pool_rule(settings.epsilon)},
      {"add", sum_rule(settings.epsilon)},
      {"sub", sum_rule(settings.epsilon)},
      {"mul", gate_rule()},
      {"div", gate_rule()},
      {"softmax", softmax_rule()},
      {"-softmax", softmax_rule()},
      {"batch-norm", batch_norm_rule(settings.epsilon, settings.biases)},
  };
  // Sums of their input, such as averages and enlargements, and what else is linear: convolutions that are
  // transposed or of one dimension, whose biases always take their part.
  for (const auto& kind : io::split("mean sum adaptive-avg-pool2d avg-pool2d upsample-nearest2d "
                                    "upsample-bilinear2d upsample-bicubic2d conv1d -convolution",
                                    ' ')) {
    entries.push_back({kind, sum_rule(settings.epsilon)});
  }
  // The derivative of these hands all of it to the winner, or puts it where it came from.
  for (const auto& kind : io::split(
           "max-pool concatenate flatten dropout identity pad constant-pad-nd permute transpose reshape "
           "view -unsafe-view unflatten squeeze unsqueeze slice select split chunk expand expand-as "
           "contiguous clone roll pixel-shuffle pixel-unshuffle cat stack unbind narrow "
           "split-with-sizes flip movedim index-select channel-shuffle",
           ' ')) {
    entries.push_back({kind, {}});
  }
  for (const char* kind : {"relu", "hardtanh", "leaky-relu", "elu", "celu", "selu", "gelu", "silu", "mish",
                           "hardswish", "softplus", "tanh", "sigmoid", "hardsigmoid"}) {
    entries.push_back({kind, pass_rule()});
  }
  return entries;
}

RuleTable table(const std::string& name, const LrpSettings& settings, std::vector<RuleEntry> weighted) {
  auto common = common_entries(settings);
  weighted.insert(weighted.end(), common.begin(), common.end());
  return {name, std::move(weighted), true};
}

RuleTable uniform(const std::string& name, const LrpSettings& settings, const LrpRule& rule) {
  return table(name, settings, {{"convolution", linear_rule(rule)}, {"linear", linear_rule(rule)}});
}

/// zennit's composites with a flat first layer, whatever its kind.
RuleTable flat_first(const std::string& name, const LrpSettings& settings, const LrpRule& of_convolutions) {
  Rule flat = linear_rule(flat_rule(settings.epsilon));
  return table(name, settings,
               {{"convolution", flat, Place::first_weights},
                {"linear", flat, Place::first_weights},
                {"convolution", linear_rule(of_convolutions)},
                {"linear", linear_rule(epsilon_rule(settings.epsilon, settings.biases))}});
}

/// For transformers: AttnLRP (Achtibat et al. 2024), or CP-LRP (Ali et al. 2022), which follows the values of
/// attention alone. Both take γ for what has weights.
RuleTable of_transformers(const std::string& name, const LrpSettings& settings, ProductShares shares) {
  auto [epsilon, biases] = std::pair{settings.epsilon, settings.biases};
  Rule product = matrix_product_rule(epsilon, shares);
  std::vector<RuleEntry> entries = {
      {"convolution", linear_rule(gamma_rule(settings.gamma, epsilon, biases))},
      {"linear", linear_rule(gamma_rule(settings.linear_gamma, epsilon, biases))},
      {"layer-norm", layer_norm_rule(epsilon, biases)},
      {"scaled-dot-product-attention", attention_rule(epsilon, shares)},
      {"matmul", product},
      {"bmm", product}};
  if (shares == ProductShares::second) {
    entries.push_back({"softmax", stop_rule()});
    entries.push_back({"-softmax", stop_rule()});
  }
  return table(name, settings, std::move(entries));
}

RuleTable epsilon_gamma_box(const std::string& name, const LrpSettings& settings) {
  if (settings.low.empty() || settings.high.empty()) {
    throw Error(
        ErrorCode::invalid_argument,
        "The rules 'epsilon-gamma-box' need the smallest and the greatest value of each channel of an image: "
        "give low and high.");
  }
  Rule box = linear_rule(box_rule(settings.low, settings.high, settings.epsilon));
  Rule gamma = linear_rule(gamma_rule(settings.gamma, settings.epsilon, settings.biases));
  Rule epsilon = linear_rule(epsilon_rule(settings.epsilon, settings.biases));
  return table(name, settings,
               {{"convolution", box, Place::first_weights}, {"convolution", gamma}, {"linear", epsilon}});
}

}  // namespace

const std::vector<std::string>& lrp_composite_names() {
  static const std::vector<std::string> names = {"epsilon-gamma-box",
                                                 "epsilon",
                                                 "gamma",
                                                 "z-plus",
                                                 "alpha1-beta0",
                                                 "alpha2-beta1",
                                                 "alpha-beta",
                                                 "attn-lrp",
                                                 "cp-lrp",
                                                 "epsilon-plus-flat",
                                                 "epsilon-alpha2-beta1-flat"};
  return names;
}

RuleTable lrp_composite(const std::string& name, const LrpSettings& settings) {
  auto [epsilon, biases] = std::pair{settings.epsilon, settings.biases};
  if (name == "epsilon-gamma-box") return epsilon_gamma_box(name, settings);
  if (name == "epsilon") return uniform(name, settings, epsilon_rule(epsilon, biases));
  if (name == "gamma") return uniform(name, settings, gamma_rule(settings.gamma, epsilon, biases));
  if (name == "z-plus" || name == "alpha1-beta0")
    return uniform(name, settings, alpha_beta_rule(0, epsilon, biases));
  if (name == "alpha2-beta1") return uniform(name, settings, alpha_beta_rule(1, epsilon, biases));
  if (name == "alpha-beta") return uniform(name, settings, alpha_beta_rule(settings.beta, epsilon, biases));
  if (name == "attn-lrp") return of_transformers(name, settings, ProductShares::even);
  if (name == "cp-lrp") return of_transformers(name, settings, ProductShares::second);
  if (name == "epsilon-plus-flat") return flat_first(name, settings, alpha_beta_rule(0, epsilon, biases));
  if (name == "epsilon-alpha2-beta1-flat")
    return flat_first(name, settings, alpha_beta_rule(1, epsilon, biases));
  throw Error(ErrorCode::invalid_argument, "There are no rules '" + name + "'.");
}

}  // namespace iba
