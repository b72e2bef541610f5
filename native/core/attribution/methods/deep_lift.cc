#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "attribution/in_float.h"
#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "attribution/rules/deep_lift_rules.h"
#include "image/baseline.h"
#include "target/objective.h"

namespace iba {

namespace {

/// The seed of an image's k-th baseline: its own for the first, and others that neighbouring seeds don't
/// share.
uint64_t seed_of(uint64_t seed, int64_t k) {
  if (k == 0) return seed;
  // The finaliser of SplitMix64 (Steele et al. 2014).
  uint64_t z = seed + static_cast<uint64_t>(k) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// DeepLIFT's multipliers times the difference to a baseline, averaged over several of them.
class DeepLift : public Method {
 public:
  DeepLift(const MethodContext& context, int64_t samples)
      : network_(context.network),
        cut_(network_, network_.input, deep_lift_rules(network_)),
        baseline_(baseline_named(context.options.text("baseline"))),
        samples_(samples) {}
  explicit DeepLift(const MethodContext& context) : DeepLift(context, 1) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    int64_t pairs = std::max<int64_t>(1, batch.rows / 2);
    Steps steps(batch, samples_ * runs_of(batch.size(), pairs));
    Targets targets;
    Tensor sum, baseline_scores;
    auto add = [](Tensor& total, const Tensor& part) { total = total.defined() ? total.add_(part) : part; };
    for (int64_t k = 0; k < samples_; ++k) {
      std::vector<Tensor> parts, scores;
      for_each_run(batch.size(), pairs, [&](int64_t begin, int64_t end) {
        steps.check();
        Tensor images = batch.images.slice(0, begin, end), baselines = baselines_of(batch, begin, end, k);
        Interpreter::Tape tape;
        Tensor rows = at::cat({images, baselines});
        Tensor outputs = cut_.after(cut_.before(rows), rows, &tape);
        auto halves = outputs.chunk(2, 0);
        if (k == 0) choose_targets(network_, batch, begin, halves.at(0), targets);
        std::vector<Target> explained = targets.of(begin, end);
        scores.push_back(Objective(explained, outputs.size(1), outputs.device()).score(halves.at(1)));
        explained.insert(explained.end(), targets.settled.begin() + begin, targets.settled.begin() + end);
        Tensor start = Objective(explained, outputs.size(1), outputs.device()).score_gradient(outputs);
        Tensor multipliers = cut_.backward(tape, std::move(start)).slice(0, 0, end - begin);
        parts.push_back(multipliers * (images - baselines));
        steps.finish();
      });
      add(sum, at::cat(parts));
      add(baseline_scores, at::cat(scores));
    }
    Tensor raw = (sum / static_cast<double>(samples_)).cpu();
    return attributions(targets, raw, baseline_scores.cpu().to(at::kDouble) / static_cast<double>(samples_));
  }

  std::string unit() const override { return "logits"; }

 protected:
  /// The k-th baseline of each image from `begin` to `end`.
  virtual Tensor baselines_of(const Batch& batch, int64_t begin, int64_t end, int64_t k) const {
    std::vector<Tensor> baselines;
    for (int64_t b = begin; b < end; ++b) {
      baselines.push_back(
          make_baseline(baseline_, batch.images[b], {.seed = seed_of(batch.requests[b].seed, k)}));
    }
    return at::stack(baselines);
  }

 private:
  static std::vector<Attribution> attributions(const Targets& targets, const Tensor& raw,
                                               const Tensor& baseline_scores) {
    std::vector<Attribution> found;
    for (int64_t b = 0; b < raw.size(0); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.raw = raw[b].contiguous();
      attribution.map = attribution.raw.sum(0);
      double difference = targets.scores[b] - baseline_scores[b].item<double>();
      attribution.checks = {
          {"completenessGap", difference - attribution.raw.sum(at::kDouble).item<double>()}};
      found.push_back(std::move(attribution));
    }
    return found;
  }

  const Network& network_;
  Cut cut_;
  Baseline baseline_;
  int64_t samples_;
};

/// The baselines of a set, all of them where they are no more than the samples, else some drawn for each
/// image; without a set, baselines that are drawn from the image.
class DeepShap : public DeepLift {
 public:
  explicit DeepShap(const MethodContext& context)
      : DeepLift(context, samples_of(context)), set_(context.options.tensor("baselines")) {
    if (set_.defined()) set_ = set_.to(context.network.device(), at::kFloat);
  }

 private:
  static int64_t samples_of(const MethodContext& context) {
    const int64_t samples = context.options.whole("samples");
    Tensor set = context.options.tensor("baselines");
    return set.defined() ? std::min(samples, set.size(0)) : samples;
  }

  Tensor baselines_of(const Batch& batch, int64_t begin, int64_t end, int64_t k) const override {
    if (!set_.defined()) return DeepLift::baselines_of(batch, begin, end, k);
    require_baselines_of(set_, batch.images.sizes().slice(1));
    std::vector<Tensor> baselines;
    for (int64_t b = begin; b < end; ++b) {
      auto generator = at::detail::createCPUGenerator(batch.requests[static_cast<size_t>(b)].seed);
      Tensor order = at::randperm(set_.size(0), generator, at::kLong);
      baselines.push_back(set_[order[k].item<int64_t>()]);
    }
    return at::stack(baselines);
  }

  Tensor set_;  // (N, C, H, W)
};

}  // namespace

MethodEntry deep_lift_method() {
  return {
      "deep-lift",
      "the difference of the logit to that of a baseline, handed down by the ratio of differences at each "
      "activation function (rescale rule); what the map's sum lacks of it is the completeness gap",
      "Shrikumar et al. 2017",
      with_common_options(
          {choice_option("baseline", "what the image differs from", "mean", baseline_names())}),
      make_in_float<DeepLift>};
}

MethodEntry deep_shap_method() {
  return {"deep-shap", "DeepLIFT, averaged over baselines of a set, or over such that are drawn at random",
          "Lundberg and Lee 2017",
          with_common_options(
              {whole_option("samples", "baselines at most", 10, 1),
               images_option("baselines",
                             "images that are the baselines, a sample of what the network sees: all of them, "
                             "or as many as samples, drawn for each image"),
               choice_option("baseline", "without baselines: how each is drawn from the image", "uniform",
                             {"uniform", "shuffled-pixels", "shuffled-tiles"})}),
          make_in_float<DeepShap>};
}

}  // namespace iba
