#include <cmath>
#include <optional>

#include "attribution/cam.h"
#include "attribution/methods/methods.h"

namespace iba {

namespace {

class AblationCam : public Method {
 public:
  explicit AblationCam(const MethodContext& context)
      : network_(context.network), layer_(cam_layer(context)), cut_(context.network, layer_.value) {}

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
      Tensor image = cam_grid(layer_, activation, batch.image_size()).to_image(activation);
      if (!steps) steps.emplace(batch, batch.size() * runs_of(image.size(1), batch.rows));
      bool is_image = layer_.layout.form == Layout::Form::image;
      Tensor left = ablated_scores(batch, b, values, is_image ? 1 : activation.dim() - 1, targets, *steps);
      sums.push_back((weights(targets.scores[b], left).view({1, -1, 1, 1}) * image).sum(1));
      attributions.push_back(targets.attribution(b));
    }
    add_cams(at::cat(sums), batch.image_size(), attributions);
    return attributions;
  }

 private:
  /// The share of the score that each channel's absence takes. A map is divided by its maximum anyway, so
  /// the magnitude is divided by: a negative score would turn the map round.
  static Tensor weights(double score, const Tensor& left) {
    Tensor drops = score - left;
    return score == 0 ? drops : drops / std::abs(score);
  }

  /// The score of image b without each of the channels, which lie along the dimension `along`.
  Tensor ablated_scores(const Batch& batch, int64_t b, const Values& values, int64_t along,
                        const Targets& targets, Steps& steps) const {
    const Tensor& activation = values[cut_.at()];
    auto numbers = activation.options().dtype(at::kLong);
    Tensor channels = at::arange(activation.size(along), numbers);
    std::vector<int64_t> shape(activation.dim(), 1);
    shape[along] = -1;
    std::vector<Tensor> found;
    for_each_run(activation.size(along), batch.rows, [&](int64_t begin, int64_t end) {
      steps.check();
      shape[0] = end - begin;
      Tensor is_ablated = channels.slice(0, begin, end).unsqueeze(1) == channels;
      Tensor copies = at::where(is_ablated.view(shape), 0, activation);
      Values beside = cut_.select(values, at::zeros({end - begin}, numbers));
      found.push_back(explained_scores(cut_.after(beside, copies), targets, b));
      steps.finish();
    });
    return at::cat(found);
  }

  const Network& network_;
  const Layer& layer_;
  Cut cut_;
};

}  // namespace

MethodEntry ablation_cam_method() {
  return {"ablation-cam",
          "the channels of a layer, weighted by the share of the score that is lost without each; a pass "
          "from the "
          "layer on for each channel",
          "Desai and Ramaswamy 2020", cam_options(), make_method<AblationCam>};
}

}  // namespace iba
