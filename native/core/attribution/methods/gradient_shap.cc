#include <ATen/CPUGeneratorImpl.h>

#include <optional>

#include "attribution/methods/methods.h"
#include "attribution/passes.h"
#include "image/baseline.h"
#include "runtime/device.h"
#include "runtime/noise.h"

namespace iba {

namespace {

constexpr const char* kGaussian = "gaussian";

std::vector<std::string> drawn_baseline_names() {
  std::vector<std::string> names = {kGaussian};
  names.insert(names.end(), baseline_names().begin(), baseline_names().end());
  return names;
}

class GradientShap : public Method {
 public:
  explicit GradientShap(const MethodContext& context)
      : network_(context.network),
        pass_(network_, network_.input),
        samples_(context.options.whole("samples")),
        noise_(context.options.number("noise")),
        set_(context.options.tensor("baselines")) {
    if (set_.defined()) set_ = set_.to(network_.device(), at::kFloat);
    const auto& name = context.options.text("baseline");
    if (name != kGaussian) baseline_ = baseline_named(name);
  }

  std::vector<Attribution> attribute(const Batch& batch) const override {
    if (set_.defined()) require_baselines_of(set_, batch.images.sizes().slice(1));
    Steps steps(batch, runs_of(batch) + batch.size() * runs_of(samples_, batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.raw = expected_gradient(batch, b, attribution.target, steps).cpu().contiguous();
      attribution.map = attribution.raw.sum(0);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

  std::string unit() const override { return "logits"; }

 private:
  /// The mean over the samples of the gradient at a random place of a way, times the way.
  Tensor expected_gradient(const Batch& batch, int64_t b, const Target& target, Steps& steps) const {
    Tensor image = batch.images[b];
    auto seed = batch.requests[b].seed;
    auto generator = at::detail::createCPUGenerator(seed);
    Tensor places = sent_to(image.device(), at::rand({samples_}, generator, at::kFloat)).view({-1, 1, 1, 1});
    Tensor members;  // of the set
    if (set_.defined())
      members = sent_to(image.device(), at::randint(set_.size(0), {samples_}, generator, at::kLong));
    NoiseStream stream(seed, image.device());
    Tensor sum = at::zeros_like(image);
    for_each_run(samples_, batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      std::vector<Tensor> drawn, ways;
      for (int64_t i = begin; i < end; ++i) {
        drawn.push_back(set_.defined() ? set_.index_select(0, members.slice(0, i, i + 1))[0]
                                       : draw_baseline(image, seed + static_cast<uint64_t>(i), stream));
        ways.push_back(noised(image, stream) - drawn.back());
      }
      Tensor way = at::stack(ways);
      Tensor copies = at::stack(drawn) + places.slice(0, begin, end) * way;
      Tensor gradients = pass_.run(copies, {target});
      sum.add_((gradients * way).sum(0));
      steps.finish();
    });
    return sum / static_cast<double>(samples_);
  }

  Tensor draw_baseline(const Tensor& image, uint64_t seed, NoiseStream& stream) const {
    if (baseline_) return make_baseline(*baseline_, image, {.seed = seed});
    Tensor deviation = image.std({1, 2}, false, true);
    return image.mean({1, 2}, true) + deviation * stream.draw(image.sizes());
  }

  Tensor noised(const Tensor& image, NoiseStream& stream) const {
    if (noise_ == 0) return image;
    return image + stream.draw(image.sizes()) * (noise_ * (image.max() - image.min()));
  }

  const Network& network_;
  BackwardPass pass_;
  int64_t samples_;
  double noise_;
  Tensor set_;                        // (N, C, H, W) that baselines are drawn from, where there is one
  std::optional<Baseline> baseline_;  // absent where it is drawn from a normal distribution
};

}  // namespace

MethodEntry gradient_shap_method() {
  return {
      "gradient-shap",
      "integrated gradients from drawn baselines: the gradient at a random place of the way from each, times "
      "the way",
      "Lundberg and Lee 2017; Erion et al. 2021",
      with_common_options(
          {whole_option("samples", "baselines, each with a place on its way", 50, 1),
           choice_option(
               "baseline",
               "where the ways begin: gaussian draws each pixel from its colour's mean and deviation; "
               "uniform and the shuffled ones are drawn anew for each, the others are one",
               kGaussian, drawn_baseline_names()),
           images_option("baselines",
                         "images that each way begins at one of, drawn at random, in place of baseline: a "
                         "sample of what the network sees gives expected gradients"),
           number_option("noise",
                         "standard deviation of noise on the image, as a fraction of its range of values", 0,
                         0)}),
      make_method<GradientShap>};
}

}  // namespace iba
