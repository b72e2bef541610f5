#pragma once

#include <vector>

#include "network/rule.h"

namespace iba {

/// How much of the positive and of the negative values is taken: {1, 1} all of them, {1, 0} the positive
/// ones.
struct Signs {
  double positive = 1;
  double negative = 1;
};

/// Contributions z_ij = x_i · w_ij with parts of the inputs and of the weights; `low` and `high` take the
/// bounds of the input in place of x, `ones` takes 1 in place of x and of w.
struct Product {
  enum class Source { input, low, high, ones };

  Signs input{};
  Signs weight{};
  Signs bias{0, 0};
  Source source = Source::input;
  double factor = 1;
};

/// A share of the relevance, handed down in proportion to the contributions' sum: R_i = Σ_j z_ij / D(Σ_i
/// z_ij) · R_j with D(z) = z + ε·sign(z), and 1 + ε for z = 0. `when` limits it to outputs of one sign.
struct Share {
  enum class Outputs { all, positive, negative };

  double factor = 1;
  std::vector<Product> products;
  Outputs when = Outputs::all;
};

/// A rule of layer-wise relevance propagation for an operation with weights, as data (Montavon et al. 2019,
/// section 10.2).
struct LrpRule {
  std::vector<Share> shares;
  double epsilon = 1e-6;
  /// Per channel of the image; only where a product takes them.
  std::vector<double> low = {};
  std::vector<double> high = {};
};

/// z = x·w + b. With `biases` the bias takes its own part of the relevance, here and below.
LrpRule epsilon_rule(double epsilon, bool biases);
/// Contributions of the output's sign count 1 + γ times (the generalised form, for inputs of both signs).
LrpRule gamma_rule(double gamma, double epsilon, bool biases);
/// α = 1 + β parts by the positive contributions less β parts by the negative ones; β = 0 is z⁺.
LrpRule alpha_beta_rule(double beta, double epsilon, bool biases);
/// For pixels between two bounds: z = x·w − low·w⁺ − high·w⁻.
LrpRule box_rule(std::vector<double> low, std::vector<double> high, double epsilon);
/// Evenly to all inputs that an output sees (Lapuschkin et al. 2019).
LrpRule flat_rule(double epsilon);

/// The rule at work on convolutions and linear layers.
Rule linear_rule(const LrpRule& rule);

/// By contribution: on average pools (but a pool to the size that its input has changes nothing), on sums,
/// differences and whatever else is linear, where a constant takes its own part, and on batch norms that are
/// left.
Rule average_pool_rule(double epsilon);
Rule sum_rule(double epsilon);
Rule batch_norm_rule(double epsilon, bool biases);

/// A product, or a quotient: what is gated takes all, and its gate, which is broadcast to it, or its divisor
/// nothing (Arras et al. 2017). Factors of one size take half each (Achtibat et al. 2024, uniform rule).
Rule gate_rule();

/// Softmax by its first-order expansion: x_i·(R_i − s_i·Σ_j R_j) (Achtibat et al. 2024, equation 13).
Rule softmax_rule();

/// Softmax that keeps all relevance from its input (Ali et al. 2022).
Rule stop_rule();

/// A layer norm, whose standard deviation counts as a constant (Ali et al. 2022): by contribution, where the
/// mean that is subtracted takes its part, and the bias as `biases` says.
Rule layer_norm_rule(double epsilon, bool biases);

/// How much of the relevance of a product of two activations, such as attention's weights and values, each of
/// them takes.
enum class ProductShares {
  /// Half each (Achtibat et al. 2024, uniform rule).
  even,
  /// All goes to the second, the values (Ali et al. 2022).
  second
};

/// A matrix product: by contribution, in these shares. Where one is a constant, the other takes all.
Rule matrix_product_rule(double epsilon, ProductShares shares);

/// Scaled dot-product attention in one operation: two matrix products with a softmax between them. Evenly, a
/// quarter each goes to queries and keys, by the softmax rule, and a half to the values.
Rule attention_rule(double epsilon, ProductShares shares);

/// Through an activation function relevance passes unchanged.
Rule pass_rule();

}  // namespace iba
