#include "attribution/rules/deep_lift_rules.h"

#include <set>

#include "attribution/quadrature.h"
#include "io/text.h"
#include "network/graph.h"

namespace iba {

namespace {

/// Below this a difference of inputs is none.
constexpr double kNoDifference = 1e-10;
/// Places on the way where the derivative of what is neither linear nor a product is taken.
constexpr int64_t kPlaces = 16;

struct Halves {
  Tensor image, baseline;

  Tensor difference() const { return image - baseline; }
};

Halves halves(const Tensor& rows) {
  auto parts = rows.chunk(2, 0);
  return {parts.at(0), parts.at(1)};
}

Tensor in_both_halves(const Tensor& multipliers) {
  return at::cat({multipliers, multipliers});
}

std::vector<Tensor> detached(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> found;
  for (const auto& input : inputs) found.push_back(input.detach());
  return found;
}

/// The multipliers for what the inputs contribute; the derivative where they don't differ.
Tensor multipliers(Tensor contributions, const Tensor& difference, const Tensor& derivative) {
  Tensor is_none = difference.abs() < kNoDifference;
  return in_both_halves(at::where(is_none, derivative, contributions.div_(difference)));
}

/// The derivative. Both halves of what goes back are the same, so that most of the work is done for one
/// alone.
Rule convolution_rule() {
  return {[](const Operation& operation, const StepState& state, const Tensor& from_above) {
            StepState of_images;
            of_images.layout = state.layout;
            of_images.input_shapes = state.input_shapes;
            of_images.input_shapes[0][0] /= 2;
            return std::vector{in_both_halves(backward(operation, of_images, halves(from_above).image)[0])};
          },
          false};
}

Rule rescale_rule() {
  return {[](const Operation& operation, const StepState& state, const Tensor& from_above) {
            Tensor output = state.output.defined() ? state.output.detach()
                                                   : forward(operation, detached(state.inputs), nullptr);
            Tensor contributions = halves(output).difference().mul_(halves(from_above).image);
            Tensor difference = halves(state.inputs[0].detach()).difference();
            auto passed = backward(operation, state, from_above);
            passed[0] = multipliers(std::move(contributions), difference, halves(passed[0]).image);
            return passed;
          },
          true};
}

Rule max_pool_rule() {
  return {[](const Operation& operation, const StepState& state, const Tensor& from_above) {
            // Of its own, since an operator's state serves for one way back.
            StepState again;
            auto [output, of_baseline] = halves(forward(operation, detached(state.inputs), &again));
            Tensor greater = at::maximum(output, of_baseline);
            Tensor change = at::cat({greater - of_baseline, output - greater});
            auto moved = halves(backward(operation, again, from_above * change)[0]);
            Tensor difference = halves(state.inputs[0].detach()).difference();
            auto passed = backward(operation, state, from_above);
            passed[0] = multipliers(moved.image + moved.baseline, difference, halves(passed[0]).image);
            return passed;
          },
          true};
}

Rule mean_derivative_rule(int64_t places) {
  return {[way = gauss_legendre(places)](const Operation& operation, const StepState& state,
                                         const Tensor& from_above) {
            Tensor multiplier = halves(from_above).image;
            std::vector<Tensor> sums(state.inputs.size());
            for (int64_t k = 0; k < way.places.size(0); ++k) {
              std::vector<Tensor> between;
              for (const auto& input : detached(state.inputs)) {
                bool has_rows =
                    input.is_floating_point() && input.dim() > 0 && input.size(0) == from_above.size(0);
                auto pair = has_rows ? halves(input) : Halves{input, input};
                between.push_back(has_rows ? at::lerp(pair.baseline, pair.image, way.places[k].item<double>())
                                           : input);
              }
              StepState there;
              forward(operation, between, &there);
              auto derivative = backward(operation, there, multiplier);
              for (size_t i = 0; i < sums.size(); ++i) {
                if (!derivative[i].defined()) continue;
                Tensor part = derivative[i] * way.weights[k].item<double>();
                sums[i] = sums[i].defined() ? sums[i].add_(part) : part;
              }
            }
            for (auto& sum : sums) {
              if (sum.defined()) sum = in_both_halves(sum);
            }
            return sums;
          },
          true};
}

std::set<std::string> names(const std::string& list) {
  auto found = io::split(list, ' ');
  return {found.begin(), found.end()};
}

std::shared_ptr<const Rule> rule_for(const Step& step) {
  static const auto kLinear = names(
      "linear batch-norm average-pool add concatenate flatten dropout identity same-pad sub "
      "neg rsub mean sum adaptive-avg-pool2d avg-pool2d upsample-nearest2d upsample-bilinear2d "
      "upsample-bicubic2d conv1d -convolution pad constant-pad-nd permute transpose t reshape view "
      "-unsafe-view unflatten squeeze unsqueeze slice select split chunk expand expand-as contiguous "
      "clone to type-as roll pixel-shuffle pixel-unshuffle cat stack unbind narrow split-with-sizes "
      "flip movedim index-select channel-shuffle");
  static const auto kOfOneValue = names(
      "relu hardtanh leaky-relu prelu -prelu-kernel rrelu elu celu selu gelu silu mish hardswish "
      "softplus tanh sigmoid hardsigmoid log-sigmoid exp expm1 log log1p sqrt rsqrt square pow abs "
      "clamp clamp-min clamp-max erf reciprocal threshold sin cos hardshrink softshrink");
  static const auto kMaxima = names("max-pool adaptive-max-pool2d max-pool1d amax");
  static const auto kProducts = names("mul matmul bmm einsum");
  static const auto kConvolution = std::make_shared<const Rule>(convolution_rule());
  static const auto kRescale = std::make_shared<const Rule>(rescale_rule());
  static const auto kMaxPool = std::make_shared<const Rule>(max_pool_rule());
  static const auto kProduct = std::make_shared<const Rule>(mean_derivative_rule(1));
  static const auto kOther = std::make_shared<const Rule>(mean_derivative_rule(kPlaces));
  std::string name = kind(step.operation);
  if (std::holds_alternative<Convolution>(step.operation)) return kConvolution;
  if (kLinear.contains(name)) return nullptr;
  if (step.inputs.size() == 1 && kOfOneValue.contains(name)) return kRescale;
  if (kMaxima.contains(name)) return kMaxPool;
  return kProducts.contains(name) ? kProduct : kOther;
}

}  // namespace

StepRules deep_lift_rules(const Network& network) {
  auto from_input = values_computed_from(network, network.input, Through::gradients);
  auto to_output = values_needed_for(network, {network.output}, Through::gradients);
  StepRules rules(network.steps.size());
  for (size_t i = 0; i < network.steps.size(); ++i) {
    const Step& step = network.steps[i];
    if (from_input[step.output] && to_output[step.output]) rules[i] = rule_for(step);
  }
  return rules;
}

}  // namespace iba
