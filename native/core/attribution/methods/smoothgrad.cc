#include "attribution/methods/methods.h"

#include "attribution/gradient_maps.h"
#include "attribution/mean_gradient.h"
#include "runtime/noise.h"

namespace iba {

namespace {

class SmoothGrad : public Method {
 public:
  SmoothGrad(const Network& network, const Options& options)
      : network_(network),
        pass_(network, network.input),
        samples_(options.whole("samples")),
        noise_(options.number("noise")) {}

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
  Tensor smoothed_gradient(const Batch& batch, int64_t b, int64_t target, Steps& steps) const {
    Tensor image = batch.images.slice(0, b, b + 1);
    double deviation = noise_ * (image.max() - image.min()).item<double>();
    NoiseStream stream(batch.requests[b].seed, image.device());
    // One draw for each copy, so that the noise doesn't depend on how many go through the network together.
    auto copies = [&](int64_t begin, int64_t end) {
      std::vector<Tensor> noised;
      for (int64_t i = begin; i < end; ++i)
        noised.push_back(image.add(stream.draw(image.sizes()), deviation));
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
      {whole_option("samples", "noised copies", 50, 1),
       number_option("noise", "deviation of the noise, as a share of the image's range of values", 0.15, 0)},
      [](const Network& network, const Options& options) -> std::unique_ptr<Method> {
        return std::make_unique<SmoothGrad>(network, options);
      }};
}

}  // namespace iba
