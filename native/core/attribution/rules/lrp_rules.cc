#include "attribution/rules/lrp_rules.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "attribution/rules/operator_arguments.h"
#include "error.h"

namespace iba {

namespace {

constexpr Signs kAll{1, 1}, kPositive{1, 0}, kNegative{0, 1}, kNone{0, 0};

Signs if_wanted(bool biases, Signs signs) {
  return biases ? signs : kNone;
}

Tensor part(const Tensor& values, Signs signs) {
  if (signs.positive == signs.negative) return signs.positive == 1 ? values : values * signs.positive;
  if (signs.negative == 0) return values.clamp_min(0) * signs.positive;
  if (signs.positive == 0) return values.clamp_max(0) * signs.negative;
  return at::where(values > 0, values * signs.positive, values * signs.negative);
}

Tensor stabilised(const Tensor& z, double epsilon) {
  Tensor divisor = z.masked_fill(z == 0, 1);
  return divisor + epsilon * at::sign(divisor);
}

/// Each input times the derivative for s = R / D(output), times its share. Inputs without a share get
/// nothing.
template <typename ShareOf>
std::vector<Tensor> by_contribution(const Operation& operation, const StepState& state,
                                    const Tensor& relevance, double epsilon, const ShareOf& share_of) {
  Tensor sum = forward(operation, state.inputs, nullptr);
  auto handed = backward(operation, state, relevance / stabilised(sum, epsilon));
  for (size_t i = 0; i < handed.size(); ++i) {
    double share = share_of(i);
    if (share == 0) handed[i].reset();
    if (!handed[i].defined()) continue;
    handed[i] = handed[i] * state.inputs[i];
    if (share != 1) handed[i].mul_(share);
  }
  return handed;
}

/// Over how many of the last dimensions a layer norm takes its mean.
size_t normalised_dimensions(const Operator& op) {
  for (const auto& argument : op.arguments) {
    if (argument.name == "normalized_shape" && argument.constant.isList())
      return argument.constant.toListRef().size();
  }
  return 1;
}

/// A linear map with part of its weights: forward, and its transpose.
class LinearMap {
 public:
  LinearMap(const Operation& operation, const Product& product) : without_bias_(operation) {
    auto weights = weights_of(operation);
    if (!weights) return;
    Tensor weight = product.source == Product::Source::ones ? at::ones_like(weights->weight)
                                                            : part(weights->weight, product.weight);
    without_bias_ = with_weights(operation, {weight, Tensor()});
    Signs bias = product.bias;
    bool has_bias = weights->bias.defined() && (bias.positive != 0 || bias.negative != 0);
    if (has_bias) bias_ = part(weights->bias, bias);
  }

  Tensor apply(const Tensor& x) const {
    Tensor z = forward(without_bias_, {x}, nullptr);
    if (!bias_.defined()) return z;
    at::DimVector shape(z.dim(), 1);
    shape[z.dim() == 4 ? 1 : z.dim() - 1] = bias_.numel();
    return z + bias_.view(shape);
  }

  Tensor transpose(const StepState& state, const Tensor& s) const {
    return backward(without_bias_, state, s.clone())[0];
  }

 private:
  Operation without_bias_;
  Tensor bias_;
};

/// The relevance of one step's inputs.
class Propagation {
 public:
  Propagation(const LrpRule& rule, const Operation& operation, const StepState& state)
      : rule_(rule), operation_(operation), state_(state), x_(state.inputs[0]) {}

  Tensor hand_down(const Tensor& relevance) const {
    Tensor sum;
    for (const auto& share : rule_.shares) {
      Tensor handed = hand_down(share, relevance);
      sum = sum.defined() ? sum.add_(handed) : handed;
    }
    return sum;
  }

 private:
  struct Term {
    Tensor x;
    LinearMap map;
  };

  Tensor hand_down(const Share& share, const Tensor& relevance) const {
    std::vector<Term> terms;
    Tensor z;
    for (const auto& product : share.products) {
      bool reads_negative_inputs_alone = product.source == Product::Source::input &&
                                         product.input.positive == 0 && product.bias.positive == 0 &&
                                         product.bias.negative == 0;
      if (reads_negative_inputs_alone && !has_negative_inputs()) continue;
      terms.push_back({factors(product), LinearMap(operation_, product)});
      Tensor contributions = terms.back().map.apply(terms.back().x);
      z = z.defined() ? z.add_(contributions) : contributions;
    }
    if (terms.empty()) return at::zeros_like(x_);
    Tensor s = relevance * share.factor / stabilised(z, rule_.epsilon);
    if (share.when != Share::Outputs::all) s = s * outputs_of_sign(share.when);
    Tensor handed;
    for (const auto& term : terms) {
      Tensor back = term.x * term.map.transpose(state_, s);
      handed = handed.defined() ? handed.add_(back) : back;
    }
    return handed;
  }

  Tensor factors(const Product& product) const {
    Tensor x = values(product);
    return product.factor == 1 ? x : x * product.factor;
  }

  Tensor values(const Product& product) const {
    switch (product.source) {
      case Product::Source::input:
        return part(x_, product.input);
      case Product::Source::low:
        return bound(rule_.low);
      case Product::Source::high:
        return bound(rule_.high);
      case Product::Source::ones:
        return at::ones_like(x_);
    }
    throw Error(ErrorCode::invalid_argument, "A product has an unknown source.");
  }

  Tensor bound(const std::vector<double>& values) const {
    auto channels = static_cast<int64_t>(values.size());
    if (x_.dim() != 4 || channels != x_.size(1)) {
      throw Error(ErrorCode::invalid_argument,
                  "Expected a bound for each of the input's " + std::to_string(x_.size(1)) +
                      " channels for low and high, but there are " + std::to_string(channels) + ".");
    }
    return at::tensor(values, x_.options())
        .view({1, channels, 1, 1})
        .expand_as(x_)
        .contiguous(x_.suggest_memory_format());
  }

  /// Found out only for rules that ask: a device must be waited for.
  bool has_negative_inputs() const {
    if (!has_negative_inputs_) has_negative_inputs_ = x_.numel() > 0 && x_.min().item<double>() < 0;
    return *has_negative_inputs_;
  }

  Tensor outputs_of_sign(Share::Outputs when) const {
    Tensor outputs = forward(operation_, {x_}, nullptr);
    return when == Share::Outputs::positive ? outputs > 0 : outputs < 0;
  }

  const LrpRule& rule_;
  const Operation& operation_;
  const StepState& state_;
  const Tensor& x_;
  mutable std::optional<bool> has_negative_inputs_;
};

}  // namespace

LrpRule epsilon_rule(double epsilon, bool biases) {
  return {{{1, {{kAll, kAll, if_wanted(biases, kAll)}}}}, epsilon};
}

LrpRule gamma_rule(double gamma, double epsilon, bool biases) {
  Signs more_positive{1 + gamma, 1}, more_negative{1, 1 + gamma};
  return {{{1,
            {{kPositive, more_positive, if_wanted(biases, more_positive)}, {kNegative, more_negative}},
            Share::Outputs::positive},
           {1,
            {{kPositive, more_negative, if_wanted(biases, more_negative)}, {kNegative, more_positive}},
            Share::Outputs::negative}},
          epsilon};
}

LrpRule alpha_beta_rule(double beta, double epsilon, bool biases) {
  Share positive{1 + beta, {{kPositive, kPositive, if_wanted(biases, kPositive)}, {kNegative, kNegative}}};
  Share negative{-beta, {{kPositive, kNegative, if_wanted(biases, kNegative)}, {kNegative, kPositive}}};
  LrpRule rule{{}, epsilon};
  if (positive.factor != 0) rule.shares.push_back(positive);
  if (negative.factor != 0) rule.shares.push_back(negative);
  return rule;
}

LrpRule box_rule(std::vector<double> low, std::vector<double> high, double epsilon) {
  return {{{1,
            {{},
             {.weight = kPositive, .source = Product::Source::low, .factor = -1},
             {.weight = kNegative, .source = Product::Source::high, .factor = -1}}}},
          epsilon,
          std::move(low),
          std::move(high)};
}

LrpRule flat_rule(double epsilon) {
  return {{{1, {{.source = Product::Source::ones}}}}, epsilon};
}

Rule linear_rule(const LrpRule& rule) {
  return {[rule](const Operation& operation, const StepState& state, const Tensor& relevance) {
            return std::vector<Tensor>{Propagation(rule, operation, state).hand_down(relevance)};
          },
          true};
}

Rule average_pool_rule(double epsilon) {
  return {[rule = epsilon_rule(epsilon, false)](const Operation& operation, const StepState& state,
                                                const Tensor& relevance) {
            bool changes = relevance.sizes() != state.inputs[0].sizes();
            return std::vector<Tensor>{changes ? Propagation(rule, operation, state).hand_down(relevance)
                                               : relevance};
          },
          true};
}

Rule sum_rule(double epsilon) {
  return {[epsilon](const Operation& operation, const StepState& state, const Tensor& relevance) {
            return by_contribution(operation, state, relevance, epsilon, [](size_t) { return 1.0; });
          },
          true};
}

Rule batch_norm_rule(double epsilon, bool biases) {
  return {[epsilon, biases](const Operation& operation, const StepState& state, const Tensor& relevance) {
            const Tensor& x = state.inputs[0];
            // Of features without places it is LibTorch's operator: the derivative is the scale of either.
            Tensor z = x * backward(operation, state, at::ones_like(x))[0];
            Tensor total = biases ? forward(operation, {x}, nullptr) : z;
            return std::vector<Tensor>{z * relevance / stabilised(total, epsilon)};
          },
          true};
}

Rule gate_rule() {
  return {[](const Operation& operation, const StepState& state, const Tensor& relevance) {
            const auto& inputs = state.inputs;
            auto is_activation = [](const Tensor& input) {
              return input.is_floating_point() && input.dim() > 0;
            };
            auto activations = std::count_if(inputs.begin(), inputs.end(), is_activation);
            auto share_of = [&](size_t i) {
              if (activations == 1) return 1.0;
              if (kind(operation) == "div") return i == 0 ? 1.0 : 0.0;
              int64_t own = inputs[i].numel(), other = inputs[1 - i].numel();
              return own == other ? 0.5 : own > other ? 1.0 : 0.0;
            };
            std::vector<Tensor> handed(inputs.size());
            for (size_t i = 0; i < inputs.size(); ++i) {
              if (is_activation(inputs[i]))
                handed[i] = at::sum_to(relevance * share_of(i), inputs[i].sizes());
            }
            return handed;
          },
          true};
}

Rule softmax_rule() {
  return {[](const Operation& operation, const StepState& state, const Tensor& relevance) {
            // The derivative of softmax for a gradient g is s_i·(g_i − Σ_j s_j·g_j): with g = R / s it is
            // R_i − s_i·Σ_j R_j.
            Tensor shares = forward(operation, state.inputs, nullptr);
            Tensor gradient = at::where(shares > 0, relevance / shares, 0);
            auto handed = backward(operation, state, gradient);
            handed[0] = handed[0] * state.inputs[0];
            return handed;
          },
          true};
}

Rule stop_rule() {
  return {[](const Operation&, const StepState& state, const Tensor&) {
    return std::vector<Tensor>(state.input_shapes.size());
  }};
}

Rule layer_norm_rule(double epsilon, bool biases) {
  return {[epsilon, biases](const Operation& operation, const StepState& state, const Tensor& relevance) {
            const auto& op = std::get<Operator>(operation);
            Tensor x = state.inputs[0].detach();
            Tensor weight = parameter_argument(op, "weight"), bias = parameter_argument(op, "bias");
            std::vector<int64_t> dimensions(normalised_dimensions(op));
            std::iota(dimensions.begin(), dimensions.end(), -static_cast<int64_t>(dimensions.size()));
            Tensor centred = x - x.mean(dimensions, true);
            Tensor scale = (centred.square().mean(dimensions, true) + *number_argument(op, "eps")).rsqrt();
            if (weight.defined()) scale = scale * weight;
            Tensor total = centred * scale;
            if (biases && bias.defined()) total = total + bias;
            Tensor gradient = scale * relevance / stabilised(total, epsilon);
            std::vector<Tensor> handed(state.inputs.size());
            handed[0] = x * (gradient - gradient.mean(dimensions, true));
            return handed;
          },
          true};
}

Rule matrix_product_rule(double epsilon, ProductShares shares) {
  return {[epsilon, shares](const Operation& operation, const StepState& state, const Tensor& relevance) {
            bool is_of_two = state.inputs.size() > 1;
            return by_contribution(operation, state, relevance, epsilon, [&](size_t i) {
              if (!is_of_two) return 1.0;
              return shares == ProductShares::even ? 0.5 : i == 1 ? 1.0 : 0.0;
            });
          },
          true};
}

Rule attention_rule(double epsilon, ProductShares shares) {
  return {[epsilon, shares](const Operation& operation, const StepState& state, const Tensor& relevance) {
            auto values = input_argument(std::get<Operator>(operation), "value");
            return by_contribution(operation, state, relevance, epsilon, [&](size_t i) {
              if (shares == ProductShares::second) return i == values ? 1.0 : 0.0;
              return i == values ? 0.5 : 0.25;
            });
          },
          true};
}

Rule pass_rule() {
  return {[](const Operation&, const StepState&, const Tensor& relevance) {
    return std::vector<Tensor>{relevance};
  }};
}

}  // namespace iba
