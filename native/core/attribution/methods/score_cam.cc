#include <optional>

#include "attribution/cam.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

/// A channel whose values differ by a smaller share is the same everywhere, but for rounding.
constexpr double kSmallestRange = 1e-6;

/// The channels (C, h, w) as masks of the image's size, each from 0 to 1; those that are the same everywhere
/// hide all of the image.
Tensor masks_of(const Tensor& channels, std::array<int64_t, 2> size) {
  Tensor enlarged = at::upsample_bilinear2d(channels.unsqueeze(0), size, false).squeeze(0);
  Tensor lowest = enlarged.amin({1, 2}, true);
  Tensor range = enlarged.amax({1, 2}, true) - lowest;
  Tensor varies = range > kSmallestRange * enlarged.abs().amax({1, 2}, true);
  return at::where(varies, (enlarged - lowest) / range, 0);
}

class ScoreCam : public Method {
 public:
  explicit ScoreCam(const MethodContext& context)
      : network_(context.network),
        layer_(cam_layer(context)),
        cut_(context.network, layer_.value),
        whole_(context.network) {}

  std::vector<Attribution> attribute(const Batch& batch) const override {
    // How many channels there are is known once an image has gone through.
    std::optional<Steps> steps;
    Targets targets;
    std::vector<Tensor> sums;
    std::vector<Attribution> attributions;
    for (int64_t b = 0; b < batch.size(); ++b) {
      batch.cancellation.check();
      Values values = cut_.before(batch.images.slice(0, b, b + 1));
      const Tensor& activation = values[cut_.at()];
      choose_targets(network_, batch, b, cut_.after(values, activation), targets);
      Grid grid = cam_grid(layer_, activation, batch.image_size());
      Tensor channels = grid.to_image(activation).squeeze(0).to(at::kFloat);
      if (!steps) steps.emplace(batch, batch.size() * runs_of(channels.size(0), batch.rows));
      Tensor weights = at::softmax(masked_scores(batch, b, channels, targets, *steps), 0);
      sums.push_back((weights.view({-1, 1, 1}) * channels).sum(0));
      attributions.push_back(targets.attribution(b));
    }
    add_cams(at::stack(sums), batch.image_size(), attributions);
    return attributions;
  }

 private:
  /// The score of image b, masked by each of the channels.
  Tensor masked_scores(const Batch& batch, int64_t b, const Tensor& channels, const Targets& targets,
                       Steps& steps) const {
    Tensor image = batch.images.slice(0, b, b + 1);
    std::vector<Tensor> found;
    for_each_run(channels.size(0), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      Tensor masks = masks_of(channels.slice(0, begin, end), batch.image_size());
      found.push_back(explained_scores(whole_.outputs(image * masks.unsqueeze(1)), targets, b));
      steps.finish();
    });
    return at::cat(found);
  }

  const Network& network_;
  const Layer& layer_;
  Cut cut_;
  ForwardPass whole_;
};

}  // namespace

MethodEntry score_cam_method() {
  return {"score-cam",
          "the channels of a layer, weighted by the softmax of the scores that the image has when masked by "
          "each; "
          "a pass for each channel",
          "Wang et al. 2020", cam_options(), make_method<ScoreCam>};
}

}  // namespace iba
