#include <ATen/CPUGeneratorImpl.h>

#include "attribution/coalitions.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

/// The share of superpixels that stay, on average.
constexpr double kKept = 0.5;
/// Directions in which coalitions differ by a smaller share have no slope.
constexpr double kSmallestSlope = 1e-12;

class Lime : public Method {
 public:
  explicit Lime(const MethodContext& context)
      : network_(context.network),
        pass_(network_),
        settings_(coalition_settings(context.options)),
        samples_(context.options.whole("samples")),
        kernel_width_(context.options.number("kernelWidth")),
        ridge_(context.options.number("ridge")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch) + batch.size() * runs_of(samples_, batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Coalitions superpixels(batch, b, settings_);
      Tensor drawn = draw(superpixels.count(), batch.requests[static_cast<size_t>(b)].seed);
      Tensor values = superpixels.values(pass_, targets, drawn, steps);
      Attribution attribution = targets.attribution(b);
      attribution.map = superpixels.map(fitted(drawn, values));
      attribution.raw = attribution.map.unsqueeze(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  /// Coalitions (samples, count) of zeros and ones; the first is the whole image.
  Tensor draw(int64_t count, uint64_t seed) const {
    auto generator = at::detail::createCPUGenerator(seed);
    Tensor drawn = (at::rand({samples_, count}, generator, at::kFloat) < kKept).to(at::kDouble);
    drawn[0].fill_(1);
    return drawn;
  }

  /// The slopes of a linear model of the values, fitted with more weight on coalitions near to the whole
  /// image.
  Tensor fitted(const Tensor& coalitions, const Tensor& values) const {
    // The cosine of the angle between a coalition and the whole image is the root of the share that stays.
    Tensor distances = 1 - coalitions.mean(1).sqrt();
    Tensor weights = at::exp(distances.square() / (-2 * kernel_width_ * kernel_width_));
    Tensor total = weights.sum();
    Tensor left = coalitions - weights.matmul(coalitions) / total;
    Tensor right = values - weights.dot(values) / total;
    Tensor weighted = left * weights.unsqueeze(1);
    Tensor system = weighted.t().matmul(left) + ridge_ * at::eye(left.size(1), at::kDouble);
    return at::linalg_pinv(system, kSmallestSlope, true).matmul(weighted.t().matmul(right));
  }

  const Network& network_;
  ForwardPass pass_;
  CoalitionSettings settings_;
  int64_t samples_;
  double kernel_width_;
  double ridge_;
};

std::vector<OptionSpec> options() {
  auto options = coalition_options(1000);
  options.push_back(number_option(
      "kernelWidth", "how far from the whole image coalitions count, in cosine distance", 0.25, 0.001, 1000));
  options.push_back(number_option("ridge", "penalty of the slopes' squares", 1, 0));
  return options;
}

}  // namespace

MethodEntry lime_method() {
  return {"lime",
          "the slopes of a linear model that tells the logit from which superpixels stay visible, near to "
          "the whole "
          "image",
          "Ribeiro et al. 2016", options(), make_method<Lime>};
}

}  // namespace iba
