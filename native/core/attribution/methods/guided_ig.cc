#include <algorithm>
#include <cmath>
#include <limits>

#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "image/baseline.h"
#include "network/interpreter.h"

namespace iba {

namespace {

/// Distances to the image that differ by less are equal, as in the authors' code.
constexpr double kSameDistance = 1e-9;

/// One image per row on its way from the baseline, all in double precision.
class Way {
 public:
  Way(const Tensor& baselines, const Tensor& images, double fraction, double greatest_deviation)
      : begin_(baselines.flatten(1).to(at::kDouble)),
        difference_(images.flatten(1).to(at::kDouble) - begin_),
        position_(begin_),
        length_(difference_.abs().sum(1, true)),
        attribution_(at::zeros_like(begin_)),
        fraction_(fraction),
        greatest_deviation_(greatest_deviation) {}

  const Tensor& position() const { return position_; }
  const Tensor& attribution() const { return attribution_; }

  /// Goes on until only the share 1 - `alpha` of the distance to the image is left: of the features that may
  /// still go further, those whose gradient is the least in magnitude go first.
  void advance(const Tensor& gradient, double alpha) {
    const Tensor before = position_;
    const Tensor least = place_at(std::max(alpha - greatest_deviation_, 0.0));
    const Tensor most = place_at(std::min(alpha + greatest_deviation_, 1.0));
    Tensor behind = (position_ - least) * difference_.sign() < 0;
    position_ = at::where(behind, least, position_);
    const Tensor wanted = length_ * (1 - alpha);
    // A fraction of all features goes each time, so that soon none is left.
    const auto times = static_cast<int64_t>(std::ceil(1 / fraction_)) + 1;
    for (int64_t time = 0; time < times; ++time) move_least(gradient.abs(), most, wanted);
    attribution_ += (position_ - before) * gradient;
  }

 private:
  Tensor place_at(double alpha) const { return begin_ + alpha * difference_; }

  /// Moves the features of least gradient towards `most`, as far as needed for the wanted distance.
  void move_least(const Tensor& magnitude, const Tensor& most, const Tensor& wanted) {
    Tensor left = (end() - position_).abs().sum(1, true) - wanted;
    Tensor is_there = left <= kSameDistance * at::maximum(wanted, at::ones_like(wanted));
    Tensor can_move = position_ != most;
    Tensor ranked = magnitude.masked_fill(can_move.logical_not(), std::numeric_limits<double>::infinity());
    auto rank = static_cast<int64_t>(std::floor(fraction_ * static_cast<double>(ranked.size(1) - 1)));
    Tensor threshold = std::get<0>(at::kthvalue(ranked, rank + 1, 1, true));
    Tensor moves = (ranked <= threshold).logical_and(can_move).logical_and(is_there.logical_not());
    Tensor rest = (most - position_) * moves;
    Tensor reach = rest.abs().sum(1, true);
    Tensor share = at::where(reach > 0, left / reach, 0).clamp_max(1);
    // Those that go all the way are exactly there, so that they are known to be.
    Tensor moved = at::where(share >= 1, most, position_ + share * rest);
    position_ = at::where(moves, moved, position_);
  }

  Tensor end() const { return begin_ + difference_; }

  Tensor begin_, difference_, position_;
  Tensor length_;  // (rows, 1)
  Tensor attribution_;
  double fraction_;
  double greatest_deviation_;
};

class GuidedIntegratedGradients : public Method {
 public:
  explicit GuidedIntegratedGradients(const MethodContext& context)
      : network_(context.network),
        pass_(network_, network_.input),
        steps_(context.options.whole("steps")),
        fraction_(context.options.number("fraction")),
        greatest_deviation_(context.options.number("maximumDistance")),
        baseline_(baseline_named(context.options.text("baseline"))) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, (1 + steps_) * runs_of(batch));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for_each_run(batch.size(), batch.rows, [&](int64_t begin, int64_t end) {
      Tensor images = batch.images.slice(0, begin, end);
      std::vector<Tensor> baselines;
      for (int64_t b = begin; b < end; ++b)
        baselines.push_back(make_baseline(baseline_, batch.images[b], {.seed = batch.requests[b].seed}));
      Tensor from = at::stack(baselines);
      Tensor found = integrated(from, images, targets.of(begin, end), steps).cpu();
      Tensor baseline_outputs = logits(network_, from).cpu();
      for (int64_t b = begin; b < end; ++b) {
        Attribution attribution = targets.attribution(b);
        attribution.raw = found[b - begin].contiguous();
        attribution.map = attribution.raw.sum(0);
        Tensor reached = explained_scores(baseline_outputs.slice(0, b - begin, b - begin + 1), targets, b);
        double rise = targets.scores[b] - reached.item<double>();
        attribution.checks = {{"completenessGap", rise - attribution.raw.sum(at::kDouble).item<double>()}};
        attributions.push_back(std::move(attribution));
      }
    });
    return attributions;
  }

  std::string unit() const override { return "logits"; }

 private:
  Tensor integrated(const Tensor& baselines, const Tensor& images, const std::vector<Target>& explained,
                    Steps& steps) const {
    Way way(baselines, images, fraction_, greatest_deviation_);
    for (int64_t step = 1; step <= steps_; ++step) {
      steps.check();
      Tensor gradient = pass_.run(way.position().view(images.sizes()).to(images.scalar_type()), explained);
      way.advance(gradient.flatten(1).to(at::kDouble),
                  static_cast<double>(step) / static_cast<double>(steps_));
      steps.finish();
    }
    return way.attribution().view(images.sizes()).to(at::kFloat);
  }

  const Network& network_;
  BackwardPass pass_;
  int64_t steps_;
  double fraction_;
  double greatest_deviation_;
  Baseline baseline_;
};

}  // namespace

MethodEntry guided_ig_method() {
  return {
      "guided-ig",
      "the gradient, integrated along a way from a baseline on which the pixels of least gradient go first",
      "Kapishnikov et al. 2021",
      with_common_options(
          {whole_option("steps", "places on the way, one after the other", 200, 1),
           number_option("fraction", "the share of the values that go first", 0.25, 0.001, 1),
           number_option("maximumDistance",
                         "how far a value may be from the straight way, as a share of it: 0 is integrated "
                         "gradients",
                         0.02, 0, 1),
           choice_option("baseline", "where the way begins", "zero", baseline_names())}),
      make_method<GuidedIntegratedGradients>};
}

}  // namespace iba
