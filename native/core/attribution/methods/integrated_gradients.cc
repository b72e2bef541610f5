#include "attribution/methods/methods.h"

#include "attribution/maps.h"
#include "attribution/mean_gradient.h"
#include "attribution/quadrature.h"
#include "image/baseline.h"
#include "runtime/device.h"

namespace iba {

namespace {

constexpr const char* kGaussLegendre = "gauss-legendre";

Quadrature quadrature_from(const Options& options) {
  int64_t steps = options.whole("steps");
  return options.text("quadrature") == kGaussLegendre ? gauss_legendre(steps) : riemann_right(steps);
}

class IntegratedGradients : public Method {
 public:
  explicit IntegratedGradients(const MethodContext& context)
      : network_(context.network),
        pass_(network_, network_.input),
        quadrature_(quadrature_from(context.options)),
        baseline_(baseline_named(context.options.text("baseline"))),
        multiplies_(context.options.flag("timesInput")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch) + batch.size() * runs_of(quadrature_.places.size(0), batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b)
      attributions.push_back(attribute_one(batch, b, targets, steps));
    return attributions;
  }

  std::string unit() const override { return multiplies_ ? "logits" : "relative"; }

 private:
  Attribution attribute_one(const Batch& batch, int64_t b, const Targets& targets, Steps& steps) const {
    Attribution attribution = targets.attribution(b);
    Tensor image = batch.images[b];
    Tensor baseline = make_baseline(baseline_, image, {.seed = batch.requests[b].seed});
    Tensor way = image - baseline;
    auto copies = [&](int64_t begin, int64_t end) {
      Tensor shares = quadrature_.places.slice(0, begin, end).to(image.scalar_type());
      return baseline + sent_to(image.device(), shares).view({-1, 1, 1, 1}) * way;
    };
    Tensor gradient =
        weighted_gradient(pass_, attribution.target, quadrature_.weights, batch.rows, copies, steps);
    if (!multiplies_) {
      attribution.raw = gradient.cpu().contiguous();
      attribution.map = saliency_map(attribution.raw);
      return attribution;
    }
    attribution.raw = (gradient * way).cpu().contiguous();
    attribution.map = attribution.raw.sum(0);
    double baseline_logit = logits(network_, baseline.unsqueeze(0))[0][attribution.target].item<double>();
    double sum = attribution.raw.sum(at::kDouble).item<double>();
    attribution.checks = {{"completenessGap", targets.logits[b] - baseline_logit - sum}};
    return attribution;
  }

  const Network& network_;
  BackwardPass pass_;
  Quadrature quadrature_;
  Baseline baseline_;
  bool multiplies_;
};

}  // namespace

MethodEntry integrated_gradients_method() {
  return {"integrated-gradients",
          "the gradient, averaged along the way from a baseline to the image, times the way; what the map's "
          "sum lacks "
          "of the difference in logits is the completeness gap",
          "Sundararajan et al. 2017",
          with_common_options(
              {whole_option("steps", "places on the way where the gradient is taken", 50, 1),
               choice_option("quadrature",
                             "which places: the ends of equal parts, or the roots of a Legendre polynomial",
                             "riemann-right", {"riemann-right", kGaussLegendre}),
               choice_option("baseline", "where the way begins", "mean", baseline_names()),
               flag_option("timesInput",
                           "multiply the mean gradient by the way, so that the map adds up to logits", true)
                   .in_paper(false)}),
          make_method<IntegratedGradients>};
}

}  // namespace iba
