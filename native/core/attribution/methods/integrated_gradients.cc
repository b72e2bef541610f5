#include "attribution/methods/methods.h"

#include "attribution/maps.h"
#include "attribution/passes.h"
#include "attribution/quadrature.h"
#include "error.h"
#include "image/baseline.h"
#include "image/enlarge.h"
#include "network/grid.h"
#include "network/tokens.h"
#include "runtime/device.h"
#include "target/objective.h"

namespace iba {

namespace {

constexpr const char* kGaussLegendre = "gauss-legendre";
constexpr const char* kZero = "zero";

Quadrature quadrature_from(const Options& options) {
  int64_t steps = options.whole("steps");
  return options.text("quadrature") == kGaussLegendre ? gauss_legendre(steps) : riemann_right(steps);
}

/// The score of a target for outputs of one row.
double score_of(const Target& target, const Tensor& outputs) {
  return Objective({target}, outputs.size(1), outputs.device()).score(outputs).item<double>();
}

class IntegratedGradients : public Method {
 public:
  explicit IntegratedGradients(const MethodContext& context)
      : network_(context.network),
        layer_(context.options.has("layer") ? &network_.layer(context.options.text("layer")) : nullptr),
        is_hidden_(layer_ || takes_tokens(network_)),
        pass_(network_, layer_ ? layer_->value : first_differentiable(network_)),
        quadrature_(quadrature_from(context.options)),
        baseline_name_(context.options.text("baseline")),
        baseline_(baseline_named(baseline_name_)),
        multiplies_(context.options.flag("timesInput")) {
    if (!takes_tokens(network_) || baseline_name_ == kZero) return;
    throw Error(
        ErrorCode::invalid_argument,
        "There is no text that is the '" + baseline_name_ +
            "' of another. Give the baseline zero, which is nothing at the layer, or where the token ids "
            "are looked up.");
  }

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
  /// From where to where the way leads, of the image or of the layer's activation (1, ...), and what skips
  /// it.
  struct Way {
    Tensor from;
    Tensor to;
    Values skipping;
    double score_from;
  };

  Way way_of(const Tensor& image, uint64_t seed, const Target& target) const {
    auto baseline_image = [&] { return make_baseline(baseline_, image[0], {.seed = seed}).unsqueeze(0); };
    if (!is_hidden_) {
      Tensor baseline = baseline_image();
      Tensor outputs = logits(network_, baseline);
      return {baseline, image, Values(network_.value_count), score_of(target, outputs)};
    }
    const Cut& cut = pass_.cut();
    Values values = cut.before(image);
    Tensor activation = values[cut.at()].to(at::kFloat);
    // Nothing is nothing at the layer itself, not what the network makes of a black image.
    Tensor from = baseline_name_ == kZero
                      ? at::zeros_like(activation)
                      : activations(network_, baseline_image(), {cut.at()})[0].to(at::kFloat);
    double score_from = score_of(target, cut.after(values, from));
    return {from, activation, std::move(values), score_from};
  }

  /// The mean gradient on the way, by the quadrature's weights (1, ...).
  Tensor mean_gradient_on(const Way& way, const Target& target, int64_t rows, Steps& steps) const {
    Tensor difference = way.to - way.from, sum = at::zeros_like(difference, at::kFloat);
    std::vector<int64_t> broadcast(way.to.dim(), 1);
    broadcast[0] = -1;
    for_each_run(quadrature_.places.size(0), rows, [&](int64_t begin, int64_t end) {
      steps.check();
      auto part = [&](const Tensor& of) {
        return sent_to(difference.device(), of.slice(0, begin, end).to(difference.scalar_type()))
            .view(broadcast);
      };
      Tensor copies = way.from + part(quadrature_.places) * difference;
      Tensor index = at::zeros({end - begin}, at::TensorOptions(difference.device()).dtype(at::kLong));
      Tensor gradients = pass_.run_behind(pass_.cut().select(way.skipping, index), copies, {target});
      sum.add_((gradients * part(quadrature_.weights)).sum(0, true));
      steps.finish();
    });
    return sum;
  }

  Attribution attribute_one(const Batch& batch, int64_t b, const Targets& targets, Steps& steps) const {
    Attribution attribution = targets.attribution(b);
    Way way = way_of(batch.images.slice(0, b, b + 1), batch.requests[b].seed, attribution.target);
    Tensor found = mean_gradient_on(way, attribution.target, batch.rows, steps);
    if (multiplies_) found = found * (way.to - way.from);
    attribution.raw = found[0].cpu().contiguous();
    attribution.map = map_of(found, batch.image_size());
    if (!multiplies_) return attribution;
    double sum = attribution.raw.sum(at::kDouble).item<double>();
    attribution.checks = {{"completenessGap", attribution.score - way.score_from - sum}};
    return attribution;
  }

  Tensor map_of(const Tensor& found, std::array<int64_t, 2> image_size) const {
    Tensor image = found;
    if (layer_) image = require_grid(*layer_, found.sizes().slice(1), image_size).to_image(found);
    if (is_hidden_ && !layer_) image = found.transpose(1, 2).unsqueeze(2);  // a row of tokens (1, C, 1, T)
    image = image[0].cpu().contiguous();
    Tensor map = multiplies_ ? image.sum(0) : saliency_map(image);
    return layer_ ? enlarge(map.contiguous(), image_size) : map;
  }

  const Network& network_;
  const Layer* layer_;
  bool is_hidden_;  // whether the way lies behind the input
  BackwardPass pass_;
  Quadrature quadrature_;
  std::string baseline_name_;
  Baseline baseline_;
  bool multiplies_;
};

}  // namespace

MethodEntry integrated_gradients_method() {
  return {"integrated-gradients",
          "the gradient, averaged along the way from a baseline to the image, times the way; what the map's "
          "sum lacks "
          "of the difference in scores is the completeness gap",
          "Sundararajan et al. 2017",
          with_common_options(
              {text_option(
                   "layer",
                   "where the way lies: at the activation of a layer, whose places are enlarged to the "
                   "image; with the baseline zero and the similarity with an embedding this is NIB (Zhu et "
                   "al. 2025) (default: at the pixels)"),
               whole_option("steps", "places on the way where the gradient is taken", 50, 1),
               choice_option("quadrature",
                             "which places: the ends of equal parts, or the roots of a Legendre polynomial",
                             "riemann-right", {"riemann-right", kGaussLegendre}),
               choice_option("baseline", "where the way begins", "mean", baseline_names()),
               flag_option("timesInput",
                           "multiply the mean gradient by the way, so that the map adds up to the difference",
                           true)
                   .in_paper(false)}),
          make_method<IntegratedGradients>};
}

}  // namespace iba
