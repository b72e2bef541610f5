#include "attribution/methods/methods.h"

#include "attribution/maps.h"
#include "attribution/mean_gradient.h"
#include "runtime/noise.h"

namespace iba {

namespace {

class SmoothGrad : public Method {
 public:
  explicit SmoothGrad(const MethodContext& context)
      : network_(context.network),
        pass_(network_, network_.input),
        samples_(context.options.whole("samples")),
        noise_(context.options.number("noise")) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    Steps steps(batch, runs_of(batch) + batch.size() * runs_of(samples_, batch.rows));
    Targets targets = find_targets(network_, batch, steps);
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      Attribution attribution = targets.attribution(b);
      attribution.raw = smoothed_gradient(batch, b, attribution.target, steps).cpu().contiguous();
      attribution.map = saliency_map(attribution.raw);
      attributions.push_back(std::move(attribution));
    }
    return attributions;
  }

 private:
  Tensor smoothed_gradient(const Batch& batch, int64_t b, const Target& target, Steps& steps) const {
    Tensor image = batch.images.slice(0, b, b + 1);
    double std = noise_ * (image.max() - image.min()).item<double>();
    NoiseStream stream(batch.requests[b].seed, image.device());
    // One draw for each copy, so that the noise doesn't depend on how many go through the network together.
    auto copies = [&](int64_t begin, int64_t end) {
      std::vector<Tensor> noised;
      for (int64_t i = begin; i < end; ++i) noised.push_back(image.add(stream.draw(image.sizes()), std));
      return at::cat(noised);
    };
    return mean_gradient(pass_, target, samples_, batch.rows, copies, steps);
  }

  const Network& network_;
  BackwardPass pass_;
  int64_t samples_;
  double noise_;
};

}  // namespace

MethodEntry smoothgrad_method() {
  return {
      "smoothgrad",
      "the gradient, averaged over noised copies of the image; the greatest absolute value over the colours",
      "Smilkov et al. 2017",
      with_common_options(
          {whole_option("samples", "noised copies", 50, 1),
           number_option("noise",
                         "standard deviation of the noise, as a fraction of the image's range of values",
                         0.15, 0)}),
      make_method<SmoothGrad>};
}

}  // namespace iba
